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

/** Splits at white space and knows no quotes, as COPY, EXPOSE and VOLUME do. */
export function splitPlain(text: string): Word[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], offset: match.index }));
}

/** The exec form: a JSON array of strings. Undefined when the text is none. */
export function parseExecForm(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const parse: (json: string) => unknown = JSON.parse;
  try {
    const value = parse(text);
    if (!Array.isArray(value)) return undefined;
    const items: unknown[] = value;
    return items.every((item) => typeof item === 'string') ? items : undefined;
  } catch {
    return undefined;
  }
}
