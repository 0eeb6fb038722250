// Compose's variable syntax (compose specification, 12-interpolation.md).

/** The value of a variable, or undefined when it is not set. */
export type Lookup = (name: string) => string | undefined;

export interface Interpolated {
  text: string;
  /** Names that were needed and not set, without a default. */
  missing: string[];
  errors: { code: 'interpolation-invalid' | 'interpolation-required'; message: string }[];
}

/** Replaces `$X`, `${X}` and the operators `:- - :? ? :+ +`, nested as deep as wanted; `$$` is a dollar. */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  const run = new Run(text, lookup);
  return { text: run.all(), missing: run.missing, errors: run.errors };
}

const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y;
const operatorPattern = /:-|-|:\?|\?|:\+|\+/y;

class Run {
  readonly missing: string[] = [];
  readonly errors: Interpolated['errors'] = [];
  readonly #text: string;
  readonly #lookup: Lookup;
  #at = 0;

  constructor(text: string, lookup: Lookup) {
    this.#text = text;
    this.#lookup = lookup;
  }

  all(): string {
    const result = this.#until(false, true);
    return this.errors.some((one) => one.code === 'interpolation-invalid') ? this.#text : result;
  }

  /** `used` false: the part is not taken, so what is missing in it does not matter. */
  #until(closing: boolean, used: boolean): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at);
      if (closing && char === '}') return result;
      if (char === '$') result += this.#dollar(used);
      else {
        result += char;
        this.#at += 1;
      }
    }
    return result;
  }

  #dollar(used: boolean): string {
    const start = this.#at;
    this.#at += 1;
    const next = this.#text.charAt(this.#at);
    if (next === '$') {
      this.#at += 1;
      return '$';
    }
    if (next === '{') {
      this.#at += 1;
      return this.#braced(start, used);
    }
    const name = this.#match(namePattern);
    // A dollar before anything else is one.
    return name === undefined ? '$' : this.#plain(name, used);
  }

  #braced(start: number, used: boolean): string {
    const name = this.#match(namePattern);
    if (name === undefined) return this.#invalid(start);
    const operator = this.#match(operatorPattern);
    if (operator === undefined) return this.#close(start) ? this.#plain(name, used) : '';
    const value = this.#lookup(name);
    const present = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
    const kind = operator.at(-1);
    const takesWord = kind === '+' ? present : !present;
    const word = this.#until(true, used && takesWord);
    if (!this.#close(start)) return '';
    if (kind === '+') return present ? word : '';
    if (present) return value ?? '';
    if (kind === '-') return word;
    if (used) this.#required(name, word);
    return '';
  }

  #close(start: number): boolean {
    if (this.#text.charAt(this.#at) === '}') {
      this.#at += 1;
      return true;
    }
    this.#invalid(start);
    return false;
  }

  #plain(name: string, used: boolean): string {
    const value = this.#lookup(name);
    if (value === undefined && used) this.missing.push(name);
    return value ?? '';
  }

  #required(name: string, word: string): void {
    const why = word === '' ? '' : `: ${word}`;
    this.errors.push({
      code: 'interpolation-required',
      message: `required variable ${name} is missing a value${why}`,
    });
  }

  #invalid(start: number): string {
    const quoted = this.#text.slice(start, start + 40).split('\n')[0] ?? '';
    this.errors.push({
      code: 'interpolation-invalid',
      message: `invalid interpolation format '${quoted}': write \${NAME}, or $$ for a dollar`,
    });
    this.#at = this.#text.length;
    return '';
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}
