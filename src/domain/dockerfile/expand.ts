import { Reader } from './reader.ts';
import { PatternError, ShellPattern } from './shell-pattern.ts';

/** Values by name; undefined when not set. */
export type Lookup = (name: string) => string | undefined;

export interface Expansion {
  escape: string;
  lookup: Lookup;
  /** Quotes stay and do not protect variables: the text of a here-document. */
  quotes?: 'removed' | 'kept' | 'plain';
  /** Escapes stay before what they protect. */
  keepsEscapes?: boolean;
  /** What stands for a variable that is not set stays as it is written. */
  keepsUnset?: boolean;
}

/** Why a word cannot be expanded; the caller knows where it stands. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

/**
 * Expands variables, removes quotes and escapes, as Docker's shell lexer does (BuildKit
 * frontend/dockerfile/shell): `$x ${x} ${x:-d} ${x:+a} ${x:?err} ${x#p} ${x%p} ${x/a/b}` and so on.
 * @throws ExpansionError
 */
export function expandWord(word: string, expansion: Expansion): string {
  return new Expander(word, expansion).text();
}

/** As expandWord, but a variable outside quotes may give several words, or none. @throws ExpansionError */
export function expandWords(word: string, expansion: Expansion): string[] {
  return new Expander(word, expansion).words();
}

interface Piece {
  text: string;
  /** White space in it separates no words. */
  isWhole: boolean;
}

/** What is being read: the word itself, or the pattern of a substitution. */
interface Mode {
  keepsEscapes: boolean;
  isPattern: boolean;
}

class Expander {
  readonly #reader: Reader;
  readonly #expansion: Expansion;
  readonly #mode: Mode;

  constructor(word: string, expansion: Expansion) {
    this.#reader = new Reader(word);
    this.#expansion = expansion;
    this.#mode = { keepsEscapes: expansion.keepsEscapes ?? false, isPattern: false };
  }

  text(): string {
    return joined(this.#pieces('', this.#mode));
  }

  words(): string[] {
    const parts: string[] = [];
    for (const piece of this.#pieces('', this.#mode)) {
      const [head = '', ...tail] = piece.isWhole ? [piece.text] : piece.text.split(/\s+/);
      parts.push(`${parts.pop() ?? ''}${head}`, ...tail);
    }
    return parts.filter((part) => part !== '');
  }

  /** Everything up to an unescaped `stop` ('' for the end); the reader then stands behind it. */
  #pieces(stop: string, mode: Mode): Piece[] {
    const found: Piece[] = [];
    const readsQuotes = this.#expansion.quotes !== 'plain';
    for (;;) {
      if (this.#reader.done) {
        if (stop === '') return found;
        throw new ExpansionError(`syntax error: missing '${stop}'${stop === '/' ? ' in ${}' : ''}`);
      }
      const char = this.#reader.peek();
      if (char === stop) {
        this.#reader.next();
        return found;
      }
      if (char === "'" && readsQuotes) found.push({ text: this.#singleQuoted(mode), isWhole: true });
      else if (char === '"' && readsQuotes) found.push({ text: this.#doubleQuoted(mode), isWhole: true });
      else if (char === '$') found.push({ text: this.#substitution(mode), isWhole: false });
      else if (char === '<') found.push({ text: this.#reader.take(/<<[\t\r ]*|</), isWhole: true });
      else found.push(this.#plain(mode));
    }
  }

  #plain({ keepsEscapes }: Mode): Piece {
    const char = this.#reader.next();
    if (char !== this.#expansion.escape) return { text: char, isWhole: false };
    // An escape at the very end stands for nothing.
    const text = this.#reader.next();
    return { text: keepsEscapes ? `${char}${text}` : text, isWhole: true };
  }

  #singleQuoted({ isPattern }: Mode): string {
    const quote = this.#quote();
    const text = this.#reader.take(/[^']*/);
    if (this.#reader.done)
      throw new ExpansionError('unexpected end of statement while looking for matching single-quote');
    this.#reader.next();
    const { escape } = this.#expansion;
    return quote + (isPattern ? text.replaceAll(escape, escape + escape) : text) + quote;
  }

  #quote(): string {
    const char = this.#reader.next();
    return this.#expansion.quotes === 'kept' ? char : '';
  }

  #doubleQuoted(mode: Mode): string {
    const quote = this.#quote();
    let text = quote;
    while (!this.#reader.done) {
      const char = this.#reader.peek();
      if (char === '"') {
        this.#reader.next();
        return text + quote;
      }
      text += char === '$' ? this.#substitution(mode) : this.#quotedChar(mode);
    }
    throw new ExpansionError('unexpected end of statement while looking for matching double-quote');
  }

  // Inside double quotes an escape counts only before a quote, a dollar sign or itself.
  #quotedChar({ keepsEscapes, isPattern }: Mode): string {
    const { escape, quotes } = this.#expansion;
    const char = this.#reader.next();
    if (char !== escape || this.#reader.done) return char;
    const next = this.#reader.peek();
    if (next === '"' || next === '$' || next === escape)
      return keepsEscapes ? `${escape}${this.#reader.next()}` : this.#reader.next();
    // The pattern is read once more, and must then find the escape itself.
    return keepsEscapes && (quotes !== 'kept' || isPattern) ? `${escape}${escape}` : char;
  }

  /** What `$...` stands for; the reader is at the dollar sign and then behind it. @throws ExpansionError */
  #substitution(mode: Mode): string {
    const start = this.#reader.at;
    this.#reader.next();
    if (this.#reader.peek() !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      return this.#expansion.lookup(name) ?? this.#unset(start);
    }
    this.#reader.next();
    if (this.#reader.done) throw new ExpansionError("syntax error: missing '}'");
    if (/[{}:]/.test(this.#reader.peek())) throw new ExpansionError('syntax error: bad substitution');
    return this.#modified(this.#name(), start, mode);
  }

  #unset(start: number): string {
    return this.#expansion.keepsUnset === true ? this.#reader.text.slice(start, this.#reader.at) : '';
  }

  #name(): string {
    return this.#reader.take(/[0-9]+|[\p{L}_][\p{L}\p{Nd}_]*|[@*#?\-!$]/u);
  }

  #modified(name: string, start: number, mode: Mode): string {
    const operator = this.#reader.take(/:?[-+?]|[#%}]|\/\/?|:?[^]/);
    switch (operator) {
      case '}':
        return this.#expansion.lookup(name) ?? this.#unset(start);
      case '#':
      case '%':
        return this.#trimmed(name, operator, start);
      case '/':
      case '//':
        return this.#replaced(name, operator === '//', start);
      case ':-':
      case '-':
      case ':+':
      case '+':
      case ':?':
      case '?':
        return this.#conditional(name, operator, start, { ...mode, keepsEscapes: false, isPattern: false });
      case '':
        throw new ExpansionError("syntax error: missing '}'");
      default:
        throw new ExpansionError(`unsupported modifier (${operator}) in substitution`);
    }
  }

  // With a colon an empty value counts as not set.
  #conditional(name: string, operator: string, start: number, mode: Mode): string {
    const word = joined(this.#pieces('}', mode));
    const value = this.#expansion.lookup(name);
    if (value === undefined && this.#expansion.keepsUnset === true) return this.#unset(start);
    const isSet = value !== undefined && (value !== '' || !operator.startsWith(':'));
    if (operator.endsWith('-')) return isSet ? value : word;
    if (operator.endsWith('+')) return isSet ? word : '';
    if (isSet) return value;
    const standard = `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`;
    throw new ExpansionError(`${name}: ${word === '' ? standard : word}`);
  }

  // A second operator right behind the first asks for the longest match.
  #trimmed(name: string, operator: '#' | '%', start: number): string {
    const word = joined(this.#pieces('}', { keepsEscapes: true, isPattern: true }));
    const value = this.#expansion.lookup(name);
    if (value === undefined && this.#expansion.keepsUnset === true) return this.#unset(start);
    const isLongest = word.startsWith(operator);
    const pattern = patternOf(isLongest ? word.slice(1) : word);
    if (operator === '#') return pattern.withoutPrefix(value ?? '', isLongest);
    return pattern.withoutSuffix(value ?? '', isLongest);
  }

  #replaced(name: string, isAll: boolean, start: number): string {
    const pattern = joined(this.#pieces('/', { keepsEscapes: true, isPattern: true }));
    const replacement = joined(this.#pieces('}', { keepsEscapes: true, isPattern: false }));
    const value = this.#expansion.lookup(name);
    if (value === undefined && this.#expansion.keepsUnset === true) return this.#unset(start);
    return patternOf(pattern).replace(value ?? '', replacement, isAll);
  }
}

function joined(pieces: Piece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

function patternOf(text: string): ShellPattern {
  try {
    return new ShellPattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ExpansionError(`invalid pattern (${text}) in substitution: ${error.message}`);
  }
}
