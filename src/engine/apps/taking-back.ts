import { messageOf } from '#base/errors.ts';
import type { StepKind } from '#domain/app/step.ts';
import { Undo } from '#engine/containers/undo.ts';
import type { Emit } from './change.ts';
import type { Run } from './run.ts';

const onContainers: ReadonlySet<StepKind> = new Set<StepKind>([
  'create-container',
  'replace-container',
  'stop-container',
  'shift-traffic',
]);

/**
 * How the steps of a run are taken back. Where a former container does not come back, what stands in its place is left
 * alone: it is better than nobody.
 */
export class TakingBack {
  readonly #undo: Undo;
  readonly #emit: Emit;
  readonly #stuck = new Set<string>();
  #areContainersBack = false;

  constructor(report: (problem: string, error: unknown) => void, emit: Emit) {
    this.#emit = emit;
    this.#undo = new Undo((problem, error) => {
      report(problem, error);
      emit({ type: 'note', message: `${problem}: ${messageOf(error)}` });
    });
  }

  add(back: () => Promise<void> | void): void {
    this.#undo.add(back);
  }

  readonly onFailure: Run['onFailure'] = (step, back) => {
    const service = 'service' in step ? step.service : '';
    this.#undo.add(async () => {
      if (this.#stuck.has(service) || (this.#areContainersBack && onContainers.has(step.kind))) return;
      try {
        await back();
      } catch (error) {
        if (step.kind === 'stop-container' || step.kind === 'replace-container') this.#stuck.add(service);
        throw new Error(`${step.kind} of ${service}: ${messageOf(error)}`, { cause: error });
      }
      this.#emit({ type: 'step', step, state: 'undone' });
    });
  };

  /** Containers have been brought back another way: only what they stand on is left to take back. */
  leaveContainers(): void {
    this.#areContainersBack = true;
  }

  run(): Promise<void> {
    return this.#undo.run();
  }
}
