import { interpolate, type Lookup } from './interpolate.ts';
import { problem, type Problem } from './problem.ts';

export interface DotenvResult {
  /** In order of the file; a name without a value takes it from the lookup and is left out when that has none. */
  values: Map<string, string>;
  problems: Problem[];
}

/**
 * Reads an environment file as Compose does: comments, `export`, `KEY=VALUE` and `KEY: VALUE`, single quotes
 * literally, double quotes with escapes, both over several lines, variables of earlier lines and of `lookup`
 * (which wins). With `raw`, everything after `=` is the value.
 */
export function readDotenv(file: string, text: string, lookup: Lookup, raw = false): DotenvResult {
  return new Reader(file, text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n'), lookup).read(raw);
}

const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*(?:([=:])[ \t]*)?/;

class Reader {
  readonly #file: string;
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #values = new Map<string, string>();
  readonly #problems: Problem[] = [];
  #at = 0;

  constructor(file: string, text: string, lookup: Lookup) {
    this.#file = file;
    this.#text = text;
    this.#lookup = lookup;
  }

  read(raw: boolean): DotenvResult {
    while (this.#at < this.#text.length) {
      const line = this.#restOfLine();
      if (/^\s*(#|$)/.test(line)) this.#at += line.length + 1;
      else if (raw) this.#rawLine(line);
      else this.#assignment(line);
    }
    return { values: this.#values, problems: this.#problems };
  }

  #rawLine(line: string): void {
    const equals = line.indexOf('=');
    if (equals > 0) this.#values.set(line.slice(0, equals).trim(), line.slice(equals + 1));
    else this.#inherit(line.trim());
    this.#at += line.length + 1;
  }

  #assignment(line: string): void {
    const found = assignment.exec(line);
    const [all = '', name = '', sign] = found ?? [];
    if (found === null || (sign === undefined && line.slice(all.length).trim() !== '')) {
      this.#complain('env-file-invalid', 'the line is not NAME=VALUE');
      this.#at += line.length + 1;
      return;
    }
    if (sign === undefined) {
      this.#inherit(name);
      this.#at += line.length + 1;
      return;
    }
    this.#at += all.length;
    const value = this.#value(name);
    if (value !== undefined) this.#values.set(name, value);
  }

  #inherit(name: string): void {
    const value = this.#lookup(name);
    if (value !== undefined) this.#values.set(name, value);
  }

  #value(name: string): string | undefined {
    const quote = this.#text.charAt(this.#at);
    if (quote === "'" || quote === '"') return this.#quoted(name, quote);
    const line = this.#restOfLine();
    const value = this.#interpolate(line.replace(/(^|[ \t])#.*$/, '').trim());
    this.#at += line.length + 1;
    return value;
  }

  #quoted(name: string, quote: string): string | undefined {
    const end = this.#closing(quote);
    if (end < 0) {
      this.#complain('env-file-invalid', `the quote ${quote} of ${name} is never closed`);
      this.#at = this.#text.length;
      return undefined;
    }
    const inner = this.#text.slice(this.#at + 1, end);
    const value = quote === "'" ? inner : this.#interpolate(unescape(inner));
    this.#at = end + 1;
    this.#at += this.#restOfLine().length + 1;
    return value;
  }

  #closing(quote: string): number {
    for (let at = this.#at + 1; at < this.#text.length; at += 1) {
      if (this.#text.charAt(at) === '\\' && quote === '"') at += 1;
      else if (this.#text.charAt(at) === quote) return at;
    }
    return -1;
  }

  #interpolate(text: string): string {
    const result = interpolate(text, (name) => this.#lookup(name) ?? this.#values.get(name));
    for (const { code, message } of result.errors)
      this.#complain(
        code,
        code === 'interpolation-invalid'
          ? 'invalid interpolation: write ${NAME}, or $$ for a dollar'
          : message,
      );
    return result.text;
  }

  #restOfLine(): string {
    const end = this.#text.indexOf('\n', this.#at);
    return this.#text.slice(this.#at, end < 0 ? undefined : end);
  }

  #complain(code: string, message: string): void {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    const place = { path: '', at: { file: this.#file, line, column } };
    this.#problems.push({ ...problem('error', code, place, message), isPrivate: true });
  }
}

const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$$' };

function unescape(text: string): string {
  return text.replace(/\\([nrt"\\$])/g, (_, char: string) => escapes[char] ?? char);
}
