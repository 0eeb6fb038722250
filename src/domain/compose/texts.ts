/** The files of a project as far as they have been read; what is asked for and not there yet is remembered. */
export class Texts {
  readonly #known: ReadonlyMap<string, string | null>;
  readonly #wanted = new Set<string>();

  /** By absolute path; null: there is no such file. */
  constructor(known: ReadonlyMap<string, string | null>) {
    this.#known = known;
  }

  /** Null: there is no such file. Undefined: it must be read first, then all of this is done again. */
  get(path: string): string | null | undefined {
    const text = this.#known.get(path);
    if (text === undefined) this.#wanted.add(path);
    return text;
  }

  get wanted(): string[] {
    return [...this.#wanted];
  }
}
