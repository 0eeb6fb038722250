import type { WriteStream } from 'node:tty';

type Stream = Pick<NodeJS.WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns' | 'on'>>;

export interface OutputOptions {
  stdout: Stream;
  stderr: Stream;
  json: boolean;
  environment: Readonly<Record<string, string | undefined>>;
}

const codes = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof codes;

/**
 * What a command says: results on stdout, remarks and progress on stderr, so that results can be piped.
 * With `--json` stdout carries JSON only. Colours and live progress are for terminals, and NO_COLOR
 * (no-color.org) and TERM=dumb are heeded.
 */
export class Output {
  readonly #options: OutputOptions;
  readonly isJson: boolean;
  readonly #lost = new AbortController();

  /** What cannot be written (`| head`, a full disk) ends no command: a change would stop half-way. */
  constructor(options: OutputOptions) {
    this.#options = options;
    this.isJson = options.json;
    options.stdout.on?.('error', (error) => this.#lost.abort(error));
    options.stderr.on?.('error', () => undefined);
  }

  /** Aborts when stdout takes no more, for commands that do nothing but print. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether lines on stderr may be redrawn. */
  get isLive(): boolean {
    return (
      this.#options.stderr.isTTY === true && this.#options.environment['TERM'] !== 'dumb' && !this.isJson
    );
  }

  get columns(): number {
    return this.#options.stderr.columns ?? 80;
  }

  /** A line of the result; nothing with `--json`. */
  print(line = ''): void {
    if (!this.isJson) this.#options.stdout.write(`${line}\n`);
  }

  /** The result, or one object of it, as one line of JSON; nothing without `--json`. */
  json(value: unknown): void {
    if (this.isJson) this.#options.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A remark for a person, in both forms of output. */
  note(line: string): void {
    this.#options.stderr.write(`${line}\n`);
  }

  /** Raw text for a live display; the caller knows that `isLive`. */
  draw(text: string): void {
    this.#options.stderr.write(text);
  }

  /** Colours a text that goes to stdout (or to stderr). */
  paint(colour: Colour, text: string, to: 'stdout' | 'stderr' = 'stdout'): string {
    const { environment } = this.#options;
    const isPlain = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
    if (isPlain || this.#options[to].isTTY !== true) return text;
    return `\u001b[${codes[colour]}m${text}\u001b[0m`;
  }

  /**
   * Columns as wide as their widest cell, two spaces between them.
   * @param rows the headings first
   * @param none the line that is printed instead of headings without rows
   */
  table(rows: readonly (readonly string[])[], none?: string): void {
    if (none !== undefined && rows.length === 1) {
      this.print(none);
      return;
    }
    const widths: number[] = [];
    for (const row of rows)
      for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
    for (const row of rows) {
      const cells = row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)));
      this.print(cells.join('  ').trimEnd());
    }
  }

  /** What failed and what to do. */
  failure(message: string, hint?: string): void {
    this.note(`${this.paint('red', 'berth:', 'stderr')} ${message}`);
    if (hint !== undefined) this.note(`  ${this.paint('dim', 'hint:', 'stderr')} ${hint}`);
  }
}
