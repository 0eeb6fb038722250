import { unlessAborted } from '#base/abort.ts';
import { conflict } from '#base/errors.ts';
import type { Container } from '#domain/container/container.ts';
import type { Run } from './run.ts';

/** Undefined: not decided yet. */
export type Verdict = { ok: true } | { ok: false; message: string } | undefined;

export interface Watch {
  service: string;
  /** What they are to do, for the message when the time is over. */
  goal: string;
  mine: () => Container[];
  judge: (container: Container) => Verdict;
}

/**
 * Looks at each change of the app's containers until all are well, one is not, or the run's time is over. Who is well is
 * given requests when this returns.
 * @throws conflict `app-unwell`, told as an event with probe and log; `app-container-gone`
 */
export async function watchUntilWell(run: Run, watch: Watch): Promise<void> {
  await watching(run, watch, { allOk: true }, async (signal) => {
    await run.parts.clock.sleep(run.timeout * 1000, signal);
    const late = watch.mine().find((one) => watch.judge(one)?.ok !== true);
    if (late !== undefined) throw new Unwell(late, `it did not ${watch.goal} within ${run.timeout} seconds`);
  });
  await unlessAborted(run.parts.services.settled(run.app, watch.service), run.signal);
}

/** Looks for so many seconds whether one of them falls over. @throws as `watchUntilWell` */
export async function watchFor(run: Run, watch: Watch, seconds: number): Promise<void> {
  if (seconds === 0) return;
  await watching(run, watch, { allOk: false }, (signal) => run.parts.clock.sleep(seconds * 1000, signal));
}

async function watching(
  run: Run,
  watch: Watch,
  ends: { allOk: boolean },
  timer: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const settled = Promise.withResolvers<void>();
  const look = (): void => {
    const verdicts = watch.mine().map((container) => ({ container, verdict: watch.judge(container) }));
    const bad = verdicts.find(({ verdict }) => verdict?.ok === false);
    if (bad?.verdict?.ok === false) settled.reject(new Unwell(bad.container, bad.verdict.message));
    else if (verdicts.length === 0) settled.reject(gone(watch.service));
    else if (ends.allOk && verdicts.every(({ verdict }) => verdict?.ok === true)) settled.resolve();
  };
  const stopLooking = run.parts.containers.onChange((changed) => {
    if (changed.identity?.app === run.app) look();
  });
  const over = new AbortController();
  try {
    look();
    await Promise.race([settled.promise, timer(AbortSignal.any([over.signal, run.signal]))]);
  } catch (error) {
    if (!(error instanceof Unwell)) throw error;
    throw await report(error, watch.service, run);
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

function gone(service: string): Error {
  return conflict(
    'app-container-gone',
    `the containers of the service ${service} were removed by someone else meanwhile`,
  );
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
