import type { Step, StepKind } from '#domain/app/step.ts';
import type { AppTarget, ServiceTarget } from '#domain/app/target.ts';
import { invalid, messageOf } from '#base/errors.ts';
import type { AppEvent } from './events.ts';
import type { AppParts } from './parts.ts';

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
  /** Images that this run pulled or built. */
  fresh: Set<string>;
  /** Former containers that this run stopped or set aside: with them there is something to go back to. */
  displaced: number;
  /** Takes back a step, should a later one fail. */
  onFailure: (step: Step, undo: () => Promise<void>) => void;
}

export type Executors = { [K in StepKind]: (step: Step<K>, run: Run) => Promise<void> };

/** Runs the steps in order, neighbours that allow it at once; the first failure ends it, told as an event. */
export async function execute(steps: readonly Step[], executors: Executors, run: Run): Promise<void> {
  for (const batch of batches(steps)) {
    run.signal.throwIfAborted();
    const work = batch.map((step) => executeOne(step, executors, run));
    // All of them settle before an undo may begin.
    await Promise.allSettled(work);
    await Promise.all(work);
  }
}

function batches(steps: readonly Step[]): Step[][] {
  const result: Step[][] = [];
  for (const step of steps) {
    const [last] = result.at(-1) ?? [];
    const together =
      step.kind === 'stop-container' && last?.kind === 'stop-container' && last.wave === step.wave;
    if (together) result.at(-1)?.push(step);
    else result.push([step]);
  }
  return result;
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
