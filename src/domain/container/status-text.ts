import type { ContainerState } from '#domain/container/container.ts';

/** `Up 3 seconds (healthy)`, `Exited (0) 2 minutes ago`: the Status of a list. @param now milliseconds since 1970 */
export function statusText(state: ContainerState, now: number): string {
  const since = (time: string): string => humanDuration(now - Date.parse(time));
  switch (state.status) {
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'running':
      return `Up ${since(state.startedAt)}${healthText(state)}`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'created':
      return 'Created';
    case 'exited':
      return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}

function healthText(state: ContainerState): string {
  if (state.health === undefined) return '';
  return state.health.status === 'starting' ? ' (health: starting)' : ` (${state.health.status})`;
}

/** An approximate duration in words, as docker/go-units HumanDuration gives it. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
