/** Steps that take back what was done, run in reverse order when something later fails. */
export class Undo {
  readonly #steps: (() => Promise<void> | void)[] = [];
  readonly #report: (problem: string, error: unknown) => void;

  constructor(report: (problem: string, error: unknown) => void) {
    this.#report = report;
  }

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** All steps run, also when one of them fails. */
  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        this.#report('a step could not be undone', error);
      }
    }
  }
}

/** Waits until both have settled, so that neither goes on behind the back of an undo; then throws the first failure. */
export async function together<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}
