/** One thing that a client was asked to do. */
export interface Outcome {
  check: string;
  /** Why it failed; absent when it did what it should. */
  error?: string;
  /** Why it is known not to work. A check with a limit has to fail: when it passes, the limit is out of date. */
  limit?: string;
}

/** What one client was asked, in order. A check that fails does not keep the next from being tried. */
export class Checks {
  readonly client: string;
  readonly version: string;
  readonly outcomes: Outcome[] = [];

  constructor(client: string, version: string) {
    this.client = client;
    this.version = version;
  }

  check(name: string, body: () => Promise<void>): Promise<void> {
    return this.#try({ check: name }, body);
  }

  /** A check that is known to fail, and why. */
  cannot(name: string, limit: string, body: () => Promise<void>): Promise<void> {
    return this.#try({ check: name, limit }, body);
  }

  add(outcome: Outcome): void {
    this.outcomes.push(outcome);
    process.stdout.write(`${this.client}: ${lineOf(outcome)}\n`);
  }

  async #try(outcome: Outcome, body: () => Promise<void>): Promise<void> {
    try {
      await body();
      this.add(outcome);
    } catch (error) {
      this.add({ ...outcome, error: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** Neither done as it should nor failed as it is known to. */
export function isSurprise({ error, limit }: Outcome): boolean {
  return (error === undefined) !== (limit === undefined);
}

function lineOf(outcome: Outcome): string {
  const { check, error, limit } = outcome;
  if (error === undefined) return limit === undefined ? `ok      ${check}` : `FAILED  ${check}: works now`;
  return limit === undefined ? `FAILED  ${check}: ${error}` : `limit   ${check}: ${limit}`;
}
