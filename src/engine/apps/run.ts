import { needsOf, waitingFor } from '#domain/app/concurrency.ts';
import type { Step, StepKind } from '#domain/app/step.ts';
import type { AppTarget, ServiceTarget } from '#domain/app/target.ts';
import { invalid, messageOf } from '#base/errors.ts';
import type { Credentials } from '#ports/registry-client.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { AppEvent } from './events.ts';
import type { AppParts, AppRecord } from './parts.ts';

/** One change of one app: what its executors share. */
export interface Run {
  parts: AppParts;
  app: string;
  /** Undefined for `down`. */
  target: AppTarget | undefined;
  folder: string;
  files: string[];
  revision: number;
  /** Seconds. */
  timeout: number;
  stopTimeout: number | undefined;
  emit: (event: AppEvent) => void;
  signal: AbortSignal;
  /** Credentials by registry. */
  auths?: Record<string, Credentials>;
  /** Path of the socket of the SSH agent of who asks, for builds. */
  sshAgent?: string;
  /** Images that this run pulled or built. */
  fresh: Set<string>;
  /** What held before: its containers are told of their end by its hooks. */
  former?: AppTarget;
  /** By service, ids of the new containers that failed; absent where the first failure ends the run. */
  failed?: Map<string, Set<string>>;
  /** Former containers that this run stopped, set aside or put another beside: there is something to go back to. */
  displaced: number;
  /** Takes back a step, should a later one fail. */
  onFailure: (step: Step, undo: () => Promise<void>) => void;
}

/** A run in which nothing is taken back, of an app as its record has it. */
export function plainRun(
  of: Pick<Run, 'parts' | 'app' | 'emit' | 'signal'>,
  record: AppRecord | undefined,
  target: AppTarget | undefined = record?.target,
): Run {
  const { revision = 0, folder = '', files = [] } = record ?? {};
  const former = record?.target ?? target;
  return {
    ...of,
    target,
    ...{ revision, folder, files },
    timeout: 0,
    stopTimeout: undefined,
    fresh: new Set(),
    displaced: 0,
    onFailure: () => undefined,
    ...(former === undefined ? {} : { former }),
  };
}

export type Executors = { [K in StepKind]: (step: Step<K>, run: Run) => Promise<void> };

/** Steps that are carried out at once, waits aside: more of them only wait for the processors. */
const atOnce = 8;

/**
 * Runs the steps, at once those that do not need each other; the first failure, told as an event, ends it once
 * those that had begun have come to an end.
 */
export async function execute(steps: readonly Step[], executors: Executors, run: Run): Promise<void> {
  const places = new Semaphore(atOnce);
  const { signal } = run;
  const stop = new AbortController();
  const outcome: { failure?: { error: unknown } } = {};
  const done: Promise<void>[] = [];
  const carryOut = async (step: Step, needed: readonly number[]): Promise<void> => {
    await Promise.all(needed.flatMap((other) => done[other] ?? []));
    const free = step.kind.startsWith('wait-') ? undefined : await places.take();
    try {
      if (outcome.failure !== undefined) return;
      run.signal.throwIfAborted();
      await executeOne(step, executors, run);
    } catch (error) {
      outcome.failure ??= { error };
      stop.abort(new Error('another step failed'));
    } finally {
      free?.();
    }
  };
  run.signal = AbortSignal.any([signal, stop.signal]);
  const needed = waitingFor(steps, needsOf(run.target));
  steps.forEach((step, at) => done.push(carryOut(step, needed[at] ?? [])));
  // All of them settle before an undo may begin.
  await Promise.all(done);
  run.signal = signal;
  if (outcome.failure !== undefined) throw outcome.failure.error;
}

async function executeOne(step: Step, executors: Executors, run: Run): Promise<void> {
  run.emit({ type: 'step', step, state: 'started' });
  try {
    await dispatch(step, executors, run);
  } catch (error) {
    run.emit({ type: 'step', step, state: 'failed', message: messageOf(error) });
    throw error;
  }
  run.emit({ type: 'step', step, state: 'done' });
}

function dispatch<K extends StepKind>(step: Step<K>, executors: Pick<Executors, K>, run: Run): Promise<void> {
  return executors[step.kind](step, run);
}

export function serviceOf(run: Run, name: string): ServiceTarget {
  const service = run.target?.services.find((one) => one.name === name);
  if (service === undefined)
    throw invalid('app-service-missing', `the app ${run.app} has no service '${name}'`);
  return service;
}

/**
 * Lets new containers of a service fail as often as its update policy allows.
 * @param unwell how many of those that the work was about are not well
 * @throws what `work` throws beyond that
 */
export async function tolerating(
  service: string,
  run: Run,
  work: () => Promise<void>,
  unwell: () => string[],
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isUnwell(error) || run.failed === undefined) throw error;
    const { update, replicas } = serviceOf(run, service);
    // One that fails while it gets ready and again while it is watched has failed once.
    const before = run.failed.get(service) ?? new Set();
    const now = unwell();
    // Nobody is unwell any more: one that has recovered meanwhile failed all the same.
    const failed = new Set([...before, ...(now.length === 0 ? [`recovered ${before.size}`] : now)]);
    run.failed.set(service, failed);
    const ratio = failed.size / replicas.length;
    if (update.failureAction !== 'continue' && ratio > update.maxFailureRatio) throw error;
  }
}

export function isUnwell(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'app-unwell';
}

/** It failed and stands half-way, as the `failure_action` of a service says. */
export function isPaused({ failed, target }: Run): boolean {
  const mayPause = target?.services.filter((one) => one.update.failureAction === 'pause') ?? [];
  return mayPause.some((one) => failed?.has(one.name) === true);
}
