import type { Runtime } from '#ports/runtime.ts';

/** Hands the exit codes that the runtime tells to the steps that wait for them. */
export class StepExits {
  readonly #waiting = new Map<string, (code: number) => void>();

  constructor(runtime: Pick<Runtime, 'onExit'>) {
    runtime.onExit(({ id, exitCode }) => {
      this.#waiting.get(id)?.(exitCode);
      this.#waiting.delete(id);
    });
  }

  /** To be called before the task can end. */
  expect(id: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(id, resolve);
    return promise;
  }

  forget(id: string): void {
    this.#waiting.delete(id);
  }
}
