import { conflict } from '#base/errors.ts';
import type { Step } from '#domain/app/step.ts';
import type { Container } from '#domain/container/container.ts';
import { containersOf } from './observe.ts';
import { serviceOf, type Run } from './run.ts';

/** Undefined: not decided yet. */
type Verdict = { ok: true } | { ok: false; message: string } | undefined;

export async function waitHealthy(step: Step<'wait-healthy'>, run: Run): Promise<void> {
  await waitFor(step.service, run, 'become healthy', (container) => {
    const { health } = container.state;
    if (health?.status === 'healthy') return { ok: true };
    if (health?.status === 'unhealthy') return { ok: false, message: 'its health check fails' };
    const ended = endedBadly(container);
    if (ended !== undefined || health !== undefined) return ended;
    return { ok: false, message: 'it has no health check, so it can never be healthy' };
  });
}

export async function waitStarted(step: Step<'wait-started'>, run: Run): Promise<void> {
  await waitFor(step.service, run, 'run', (container) => {
    const { status, exitCode } = container.state;
    if (status === 'running' || (status === 'exited' && exitCode === 0)) return { ok: true };
    return endedBadly(container);
  });
}

export async function waitCompleted(step: Step<'wait-completed'>, run: Run): Promise<void> {
  await waitFor(step.service, run, 'complete', (container) => {
    const { status, exitCode } = container.state;
    return status === 'exited' && exitCode === 0 ? { ok: true } : endedBadly(container);
  });
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

/** Looks at each change of the service's containers until all are well, one is not, or the time is over. */
async function waitFor(
  name: string,
  run: Run,
  goal: string,
  judge: (container: Container) => Verdict,
): Promise<void> {
  const wanted = new Set(serviceOf(run, name).replicas.map((one) => one.name));
  const mine = (): Container[] => containersOf(run.parts, run.app).filter((one) => wanted.has(one.name));
  const settled = Promise.withResolvers<void>();
  const look = (): void => {
    const verdicts = mine().map((container) => ({ container, verdict: judge(container) }));
    const bad = verdicts.find(({ verdict }) => verdict?.ok === false);
    if (bad?.verdict?.ok === false) settled.reject(new Unwell(bad.container, bad.verdict.message));
    else if (verdicts.length === 0) settled.reject(gone(name));
    else if (verdicts.every(({ verdict }) => verdict?.ok === true)) settled.resolve();
  };
  const stopLooking = run.parts.containers.onChange((changed) => {
    if (changed.identity?.app === run.app) look();
  });
  const over = new AbortController();
  try {
    look();
    await Promise.race([settled.promise, expired(run, mine, goal, over.signal)]);
  } catch (error) {
    if (!(error instanceof Unwell)) throw error;
    throw await report(error, name, run);
  } finally {
    stopLooking();
    over.abort();
  }
}

class Unwell extends Error {
  readonly container: Container;

  constructor(container: Container, message: string) {
    super(message);
    this.container = container;
  }
}

function gone(name: string): Error {
  return conflict(
    'app-container-gone',
    `the containers of the service ${name} were removed by someone else meanwhile`,
  );
}

async function expired(run: Run, mine: () => Container[], goal: string, over: AbortSignal): Promise<void> {
  await run.parts.clock.sleep(run.timeout * 1000, AbortSignal.any([over, run.signal]));
  const [first] = mine();
  if (first !== undefined) throw new Unwell(first, `it did not ${goal} within ${run.timeout} seconds`);
}

const shownLines = 20;

/** Tells the failing probe's output and the last lines of the log, and gives the error to throw. */
async function report(unwell: Unwell, service: string, run: Run): Promise<Error> {
  const container = run.parts.containers.find(unwell.container.id) ?? unwell.container;
  const probe = container.state.health?.log.findLast((one) => one.ExitCode !== 0);
  const logs: string[] = [];
  const query = { stdout: true, stderr: true, tail: shownLines };
  for await (const entry of run.parts.containers.logs(container.id, query))
    logs.push(entry.data.toString().trimEnd());
  run.emit({
    type: 'unwell',
    service,
    container: container.name,
    message: unwell.message,
    logs,
    ...(probe === undefined ? {} : { probe: { exitCode: probe.ExitCode, output: probe.Output } }),
  });
  return conflict('app-unwell', `the service ${service} (${container.name}) is not well: ${unwell.message}`);
}
