/** A piece of an instruction as it was written, quotes and escapes included. */
export interface Word {
  text: string;
  /** In the text that was split. */
  offset: number;
}

/** Splits at white space outside quotes; an escape character keeps the next one from counting. */
export function splitWords(text: string, escape: string): Word[] {
  const words: Word[] = [];
  let start = -1;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === '' && /\s/.test(char)) {
      if (start >= 0) words.push({ text: text.slice(start, i), offset: start });
      start = -1;
      continue;
    }
    if (start < 0) start = i;
    if (char === escape && quote !== "'") i++;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
  }
  if (start >= 0) words.push({ text: text.slice(start), offset: start });
  return words;
}

/** A word with its quotes and escapes taken away, and as it was written. */
export interface FlagWord {
  text: string;
  raw: string;
  offset: number;
}

/** The words with `--` that a text begins with, up to a word `--`, and the offset where the others begin. */
export function readFlagWords(text: string, escape: string): { flags: FlagWord[]; end: number } {
  const flags: FlagWord[] = [];
  for (const { text: raw, offset } of splitWords(text, escape)) {
    if (!raw.startsWith('--')) return { flags, end: offset };
    if (raw === '--') return { flags, end: offset + 2 };
    flags.push({ text: unquoted(raw, escape), raw, offset });
  }
  return { flags, end: text.length };
}

function unquoted(raw: string, escape: string): string {
  let text = '';
  let quote = '';
  for (let i = 0; i < raw.length; i++) {
    const char = raw.charAt(i);
    if (char === quote) quote = '';
    else if (quote === '' && (char === '"' || char === "'")) quote = char;
    else text += char === escape ? raw.charAt(++i) : char;
  }
  return text;
}

/** Splits at white space and knows no quotes, as COPY, EXPOSE and VOLUME do. */
export function splitPlain(text: string): Word[] {
  return [...text.matchAll(/[^\t\v\f\r ]+/g)].map((match) => ({ text: match[0], offset: match.index }));
}

/** What a text is in the exec form: a JSON array of strings; one of other things; or none at all. */
export type ExecForm = { kind: 'strings'; items: string[] } | { kind: 'others' } | { kind: 'none' };

export function parseExecForm(text: string): ExecForm {
  if (!text.startsWith('[')) return { kind: 'none' };
  const parse: (json: string) => unknown = JSON.parse;
  try {
    const value = parse(text);
    if (!Array.isArray(value)) return { kind: 'none' };
    const items: unknown[] = value;
    return items.every((item) => typeof item === 'string') ? { kind: 'strings', items } : { kind: 'others' };
  } catch {
    return { kind: 'none' };
  }
}
