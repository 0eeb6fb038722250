import type { AppStep, ReplicaAnswer } from '#api/types/apps.ts';

const verbs: Record<string, (step: AppStep) => string> = {
  'pull-image': (step) => `pull ${step.image ?? ''}`,
  'build-image': (step) => `build ${step.image ?? ''}`,
  'create-network': (step) => `create network ${step.name ?? ''}`,
  'create-volume': (step) => `create volume ${step.name ?? ''}`,
  'place-service': (step) => `set addresses and ports of ${step.service ?? ''}`,
  'withdraw-service': (step) => `give up addresses and ports of ${step.service ?? ''}`,
  'create-container': (step) => `create ${step.name ?? ''}`,
  'replace-container': (step) => `replace ${step.name ?? ''}`,
  'rename-container': (step) => `rename to ${step.name ?? ''}`,
  'start-container': (step) => `start ${step.name ?? ''}`,
  'restart-container': (step) => `restart ${step.name ?? ''}`,
  'stop-container': (step) => `stop ${step.name ?? ''}`,
  'remove-container': (step) => `remove ${step.name ?? ''}`,
  'shift-traffic': (step) =>
    (step.to ?? []).length === 0
      ? `send no more requests to the old ${step.service ?? ''}`
      : `send requests to ${(step.to ?? []).join(', ')}`,
  'wait-ready': (step) => `wait until ${(step.names ?? []).join(', ')} can answer`,
  'wait-drained': (step) => `let connections to the old ${step.service ?? ''} end`,
  'wait-monitored': (step) => `watch the new ${step.service ?? ''} for ${step.seconds ?? 0} s`,
  'wait-delay': (step) => `pause for ${step.seconds ?? 0} s`,
  'wait-healthy': (step) => `wait until ${step.service ?? ''} is healthy`,
  'wait-started': (step) => `wait until ${step.service ?? ''} runs`,
  'wait-completed': (step) => `wait until ${step.service ?? ''} has completed`,
  'remove-network': (step) => `remove network ${step.name ?? ''}`,
  'remove-volume': (step) => `remove volume ${step.name ?? ''}`,
};

/** A step in words; an unknown kind, of a newer daemon, by its own name. */
export function stepWords(step: AppStep): string {
  return verbs[step.kind]?.(step) ?? `${step.kind} ${step.name ?? step.service ?? ''}`;
}

/** `+` makes, `~` changes, `-` takes away, a space only waits. */
export function stepSign(step: AppStep): '+' | '~' | '-' | ' ' {
  if (/^(create|pull|build|start|place)/.test(step.kind)) return '+';
  if (/^(replace|rename|restart|shift)/.test(step.kind)) return '~';
  return /^(stop|remove|withdraw)/.test(step.kind) ? '-' : ' ';
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `12.3 MB`, by powers of 1000 as Docker's clients show it. */
export function sizeWords(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toPrecision(3)} ${units[power] ?? ''}`;
}

const spans: [seconds: number, name: string][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** `3 minutes`, the largest unit that fits. */
export function durationWords(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const [length, name] = spans.find(([span]) => seconds >= span) ?? [1, 'second'];
  const count = Math.floor(seconds / length);
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** A time in RFC 3339 and UTC without its fraction. */
export function timeWords(time: string): string {
  return `${time.slice(0, 19)}Z`;
}

/** How a replica is, in a word or two. */
export function stateWords(replica: ReplicaAnswer): string {
  return replica.outOfMemory === undefined
    ? statusWords(replica)
    : `${statusWords(replica)}, ${memoryWords(replica.outOfMemory)}`;
}

function statusWords(replica: ReplicaAnswer): string {
  if (replica.status === 'running') return replica.health === 'none' ? 'running' : replica.health;
  return replica.status === 'exited' ? `exited (${replica.exitCode})` : replica.status;
}

function memoryWords({ limit, peak }: { limit: number; peak: number }): string {
  return `out of memory: it took ${sizeWords(peak)} of ${sizeWords(limit)}`;
}

/** Where a published port can be reached from this machine. */
export function address(port: { container: string; hostIp: string; hostPort: number }): string {
  const [inside = '', protocol = 'tcp'] = port.container.split('/');
  const everywhere = port.hostIp === '' || port.hostIp === '0.0.0.0' || port.hostIp === '::';
  const literal = port.hostIp.includes(':') ? `[${port.hostIp}]` : port.hostIp;
  const host = `${everywhere ? 'localhost' : literal}:${port.hostPort}`;
  if (protocol !== 'tcp') return `${protocol}://${host}`;
  return `${inside === '443' || inside === '8443' ? 'https' : 'http'}://${host}`;
}
