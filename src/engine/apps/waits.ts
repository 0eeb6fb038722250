import { isFailing, isWell } from '#domain/app/ready.ts';
import { madeOf } from '#domain/app/pinned.ts';
import type { Step } from '#domain/app/step.ts';
import type { Container } from '#domain/container/container.ts';
import { composeLabels, replicasOfApp } from './observe.ts';
import { serviceOf, tolerating, type Run } from './run.ts';
import { watchFor, watchUntilWell, type Verdict, type Watch } from './watching.ts';

export async function waitHealthy(step: Step<'wait-healthy'>, run: Run): Promise<void> {
  await watchUntilWell(run, {
    ...currentOf(step.service, run),
    goal: 'become healthy',
    judge: (container) => {
      const isProbed = container.probes !== undefined || container.state.health !== undefined;
      if (isProbed) return judgeReady(container);
      const ended = endedBadly(container);
      return ended ?? { ok: false, message: 'it has no health check, so it can never be healthy' };
    },
  });
}

export async function waitStarted(step: Step<'wait-started'>, run: Run): Promise<void> {
  await watchUntilWell(run, {
    ...currentOf(step.service, run),
    goal: 'run',
    judge: (container) => {
      const { status, exitCode } = container.state;
      if (status === 'running' || (status === 'exited' && exitCode === 0)) return { ok: true };
      return endedBadly(container);
    },
  });
}

export async function waitCompleted(step: Step<'wait-completed'>, run: Run): Promise<void> {
  await watchUntilWell(run, {
    ...currentOf(step.service, run),
    goal: 'complete',
    judge: (container) => (hasCompleted(container) ? { ok: true } : endedBadly(container)),
  });
}

/** Then it has to stay so for the settle time. */
export async function waitReady({ service, names, settle }: Step<'wait-ready'>, run: Run): Promise<void> {
  const watch: Watch = { ...named(service, names, run), goal: 'become ready', judge: judgeReady };
  const work = async (): Promise<void> => {
    await watchUntilWell(run, watch);
    await watchFor(run, watch, settle);
  };
  await tolerating(service, run, work, () => unwellOf(watch));
}

/** For containers that have been well before. @throws conflict `app-unwell` */
export async function waitUntilReady(
  { service, ids }: { service: string; ids: string[] },
  run: Run,
): Promise<void> {
  const mine = (): Container[] => ids.flatMap((id) => run.parts.containers.find(id) ?? []);
  await watchUntilWell(run, { service, mine, goal: 'become ready again', judge: judgeReady });
}

export async function waitMonitored(
  { service, names, seconds }: Step<'wait-monitored'>,
  run: Run,
): Promise<void> {
  const watch: Watch = { ...named(service, names, run), goal: 'stay well', judge: judgeReady };
  await tolerating(
    service,
    run,
    () => watchFor(run, watch, seconds),
    () => unwellOf(watch),
  );
}

function unwellOf({ mine }: Pick<Watch, 'mine'>): string[] {
  return mine().flatMap((one) => (judgeReady(one)?.ok === true ? [] : [one.id]));
}

function judgeReady(container: Container): Verdict {
  if (isWell(container) || hasCompleted(container)) return { ok: true };
  if (isFailing(container)) return { ok: false, message: 'its health check fails' };
  return endedBadly(container);
}

/** One that runs to its end has done what it is for; one that is started for ever by its policy has not. */
function hasCompleted({ state, hostConfig }: Container): boolean {
  const policy = hostConfig.RestartPolicy?.Name ?? 'no';
  return (
    state.status === 'exited' && state.exitCode === 0 && policy !== 'always' && policy !== 'unless-stopped'
  );
}

function endedBadly({ state }: Container): Verdict {
  if (state.oomKilled) return { ok: false, message: outOfMemory(state) };
  if (state.status === 'exited' || state.status === 'restarting' || state.status === 'dead')
    return { ok: false, message: `it ended with exit code ${state.exitCode}` };
  return undefined;
}

function outOfMemory({ oomMemory }: Container['state']): string {
  const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const figures =
    oomMemory === undefined ? '' : `: its limit is ${mib(oomMemory.limit)}, it took ${mib(oomMemory.peak)}`;
  return `it was killed for want of memory${figures}`;
}

function named(service: string, names: readonly string[], run: Run): Pick<Watch, 'service' | 'mine'> {
  const wanted = new Set(names);
  return { service, mine: () => replicasOfApp(run.parts, run.app).filter((one) => wanted.has(one.name)) };
}

/** One for each replica: a restart has the former one, which is as the target says too, beside its successor. */
function latest(containers: readonly Container[]): Container[] {
  const byReplica = new Map<number | undefined, Container>();
  for (const one of containers) {
    const other = byReplica.get(one.identity?.replica);
    if (other === undefined || other.created < one.created) byReplica.set(one.identity?.replica, one);
  }
  return [...byReplica.values()];
}

/** The containers that are as the target says, whatever they are called; former ones may be beside them. */
function currentOf(name: string, run: Run): Pick<Watch, 'service' | 'mine'> {
  const service = serviceOf(run, name);
  const isCurrent = ({ identity, config, imageId }: Container): boolean => {
    if (identity?.service !== name) return false;
    const replica = service.replicas.find((one) => one.replica === identity.replica);
    if (replica === undefined) return false;
    const made = madeOf(service, replica);
    return (
      config.Labels?.[composeLabels.hash] === made.hash &&
      (made.imageId === undefined || made.imageId === imageId)
    );
  };
  return { service: name, mine: () => latest(replicasOfApp(run.parts, run.app).filter(isCurrent)) };
}
