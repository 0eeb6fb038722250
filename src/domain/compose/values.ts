import { own } from '#base/own.ts';
import { parseDuration } from '#domain/units/duration.ts';

// Compose's notations for values (compose specification, 11-extension.md, "Specifying durations", "byte values").

/** `1m30s`, `500ms` in nanoseconds; a bare number, seconds. Undefined when it is no duration. */
export function parseSeconds(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1e9) : parseDuration(text);
}

const truths: Record<string, boolean | undefined> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  1: true,
  false: false,
  no: false,
  off: false,
  n: false,
  0: false,
};

export function parseBoolean(text: string): boolean | undefined {
  return own(truths, text.toLowerCase());
}

const word = /(?:[^\s\\'"]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+/y;
const piece = /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|([^\s\\'"]+)/g;

/** Splits a command line as a POSIX shell splits words, without expansions. Undefined: a quote is open. */
export function splitCommand(text: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    if (at >= text.length) return words;
    word.lastIndex = at;
    const found = word.exec(text)?.[0];
    if (found === undefined) return undefined;
    words.push(unquote(found));
    at += found.length;
    if (at < text.length && !/\s/.test(text.charAt(at))) return undefined;
  }
}

function unquote(found: string): string {
  return found.replace(piece, (_, escaped?: string, single?: string, double?: string, plain?: string) => {
    if (escaped !== undefined) return escaped === '\n' ? '' : escaped;
    if (double !== undefined)
      return double.replace(/\\([\\"$`\n])/g, (_all, char: string) => (char === '\n' ? '' : char));
    return single ?? plain ?? '';
  });
}
