import { Reader } from './reader.ts';
import { patternSource } from './shell-pattern.ts';

/** Values by name; undefined when not set. */
export type Lookup = (name: string) => string | undefined;

export interface Expansion {
  escape: string;
  lookup: Lookup;
  /** Escapes are kept, as backslashes: for the patterns inside `${x#...}`. */
  keepsEscapes?: boolean;
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
  return expandUntil(new Reader(word), expansion, '');
}

/** As expandWord, but a variable outside quotes may give several words, or none. @throws ExpansionError */
export function expandWords(word: string, expansion: Expansion): string[] {
  const parts: string[] = [];
  for (const piece of pieces(new Reader(word), expansion, '')) {
    if (piece.quoted) {
      parts.push(`${parts.pop() ?? ''}${piece.text}`);
      continue;
    }
    const [head = '', ...tail] = piece.text.split(/\s+/);
    parts.push(`${parts.pop() ?? ''}${head}`, ...tail);
  }
  return parts.filter((part) => part !== '');
}

/** Everything up to an unescaped `stop` ('' for the end), expanded; the reader then stands at `stop`. */
function expandUntil(reader: Reader, expansion: Expansion, stop: string): string {
  return pieces(reader, expansion, stop)
    .map((piece) => piece.text)
    .join('');
}

interface Piece {
  text: string;
  quoted: boolean;
}

function pieces(reader: Reader, expansion: Expansion, stop: string): Piece[] {
  const found: Piece[] = [];
  while (!reader.done && (stop === '' || reader.peek() !== stop)) {
    const char = reader.peek();
    if (char === "'") found.push({ text: singleQuoted(reader), quoted: true });
    else if (char === '"') found.push({ text: doubleQuoted(reader, expansion), quoted: true });
    else if (char === '$') found.push({ text: substitute(reader, expansion), quoted: false });
    else found.push(plain(reader, expansion));
  }
  return found;
}

function plain(reader: Reader, { escape, keepsEscapes = false }: Expansion): Piece {
  const char = reader.next();
  if (char !== escape) return { text: char, quoted: false };
  // An escape at the very end stands for nothing.
  const text = reader.done ? '' : reader.next();
  return { text: keepsEscapes ? `\\${text}` : text, quoted: true };
}

function singleQuoted(reader: Reader): string {
  reader.next();
  const text = reader.take(/[^']*/);
  if (reader.done)
    throw new ExpansionError('unexpected end of statement while looking for matching single-quote');
  reader.next();
  return text;
}

function doubleQuoted(reader: Reader, expansion: Expansion): string {
  reader.next();
  let text = '';
  while (!reader.done) {
    const char = reader.peek();
    if (char === '"') {
      reader.next();
      return text;
    }
    text += char === '$' ? substitute(reader, expansion) : quotedChar(reader, expansion);
  }
  throw new ExpansionError('unexpected end of statement while looking for matching double-quote');
}

// Inside double quotes an escape counts only before a quote, a dollar sign or itself.
function quotedChar(reader: Reader, { escape }: Expansion): string {
  const char = reader.next();
  if (char !== escape || reader.done) return char;
  const next = reader.peek();
  if (next === '"' || next === '$' || next === escape) return reader.next();
  return char;
}

/** What `$...` stands for; the reader is at the dollar sign and then behind it. @throws ExpansionError */
function substitute(reader: Reader, expansion: Expansion): string {
  reader.next();
  if (reader.peek() !== '{') {
    const name = takeName(reader);
    return name === '' ? '$' : (expansion.lookup(name) ?? '');
  }
  reader.next();
  const name = takeName(reader);
  if (name === '') throw new ExpansionError('syntax error: bad substitution');
  const value = modified(reader, expansion, name);
  if (reader.next() !== '}') throw new ExpansionError("syntax error: missing '}'");
  return value;
}

function takeName(reader: Reader): string {
  return reader.take(/[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?\-!$]/);
}

function modified(reader: Reader, expansion: Expansion, name: string): string {
  const value = expansion.lookup(name);
  const operator = reader.take(/:?[-+?]|##?|%%?|\/\/?|:/);
  switch (operator) {
    case '':
      return value ?? '';
    case '#':
    case '##':
    case '%':
    case '%%':
      return trimmed(value ?? '', operator, expandUntilBrace(reader, { ...expansion, keepsEscapes: true }));
    case '/':
    case '//':
      return replaced(reader, expansion, value ?? '', operator === '//');
    case ':':
      throw new ExpansionError(`unsupported modifier (${reader.peek()}) in substitution`);
    default:
      return conditional(value, operator, name, expandUntilBrace(reader, expansion));
  }
}

// With a colon an empty value counts as not set.
function conditional(value: string | undefined, operator: string, name: string, word: string): string {
  const isSet = value !== undefined && (value !== '' || !operator.startsWith(':'));
  if (operator.endsWith('-')) return isSet ? value : word;
  if (operator.endsWith('+')) return isSet ? word : '';
  if (isSet) return value;
  throw new ExpansionError(`${name}: ${word === '' ? 'parameter not set or null' : word}`);
}

// The word is taken even when it is not used, so that the reader gets past it.
function expandUntilBrace(reader: Reader, expansion: Expansion): string {
  const word = expandUntil(reader, expansion, '}');
  if (reader.done) throw new ExpansionError("syntax error: missing '}'");
  return word;
}

function trimmed(value: string, operator: string, pattern: string): string {
  const isLongest = operator.length === 2;
  const isPrefix = operator.startsWith('#');
  const source = patternSource(pattern);
  const lengths = Array.from({ length: value.length + 1 }, (_, i) => (isLongest ? value.length - i : i));
  const whole = new RegExp(`^(?:${source})$`, 's');
  for (const length of lengths) {
    const candidate = isPrefix ? value.slice(0, length) : value.slice(value.length - length);
    if (whole.test(candidate)) return isPrefix ? value.slice(length) : value.slice(0, value.length - length);
  }
  return value;
}

function replaced(reader: Reader, expansion: Expansion, value: string, all: boolean): string {
  const pattern = expandUntil(reader, { ...expansion, keepsEscapes: true }, '/');
  if (reader.next() !== '/')
    throw new ExpansionError('unexpected end of statement while looking for replacement');
  const replacement = expandUntilBrace(reader, expansion);
  if (pattern === '') return value;
  return value.replace(new RegExp(patternSource(pattern), all ? 'gs' : 's'), () => replacement);
}
