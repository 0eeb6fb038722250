// Compose's notations for values (compose specification, 11-extension.md, "Specifying durations", "byte values").

const nanos: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** `1m30s`, `500ms` in nanoseconds; a bare number, seconds. Undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1e9);
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(amount) * (nanos[unit ?? ''] ?? 0);
  return Math.round(sum);
}

const powers: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m`, `1.5gb`, `64KiB` in bytes, by powers of 1024 as Docker does. Undefined when it is none. */
export function parseBytes(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  if (found === null) return undefined;
  return Math.floor(Number(found[1]) * 1024 ** (powers[(found[2] ?? '').toLowerCase()] ?? 0));
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
  return truths[text.toLowerCase()];
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
