import { invalid } from '#base/errors.ts';

/**
 * One pattern of a .dockerignore, cleaned, as a test of a path (moby/patternmatcher): `*` and `?` stop at a slash,
 * `[a-z]` and `[^a]` are classes, `**` is any number of folders, a backslash takes the meaning away.
 * @throws invalid `pattern-invalid`
 */
export function compileIgnorePattern(pattern: string): (path: string) => boolean {
  const { source, isPlain } = sourceOf(pattern);
  // What has two stars at its begin or end only, or none, is compared as text.
  const [, before, text = '', after] = /^(\*\*)?((?:(?!\*\*).)*)(\*\*)?$/s.exec(pattern) ?? [];
  const isWhole = isPlain && (before ?? '') + text + (after ?? '') === pattern;
  if (isWhole && before === undefined && after === undefined) return (path) => path === pattern;
  if (isWhole && after === undefined)
    return (path) => path.endsWith(text) || (text.startsWith('/') && path === text.slice(1));
  if (isWhole && before === undefined) return (path) => path.startsWith(text);
  const matcher = new RegExp(`^${source}$`, 'u');
  return (path) => matcher.test(path);
}

/** A regular expression, and whether all in it stands for itself but two stars. */
function sourceOf(pattern: string): { source: string; isPlain: boolean } {
  const chars = Array.from(pattern);
  let source = '';
  let isPlain = true;
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (char === '*' && chars[i + 1] === '*') {
      i++;
      // `**/` is any number of folders, none too; `**` at the end is everything.
      if (chars[i + 1] === '/') i++;
      const folders = '(?:[^\\n]*/)?';
      if (i >= chars.length - 1) source += '[^\\n]*';
      else if (!source.endsWith(folders)) source += folders;
      continue;
    }
    isPlain &&= !'*?[]\\'.includes(char);
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const { text, end } = classAt(pattern, chars, i);
      source += text;
      i = end;
    } else source += quoted(char === '\\' ? escapedAt(pattern, chars, ++i) : char);
  }
  return { source, isPlain };
}

function escapedAt(pattern: string, chars: string[], at: number): string {
  const char = chars[at];
  if (char === undefined) throw malformed(pattern);
  return char;
}

/** A class, from its bracket on; `end` is its last character. It has at least one range. */
function classAt(pattern: string, chars: string[], start: number): { text: string; end: number } {
  const isNegated = chars[start + 1] === '^';
  let at = start + (isNegated ? 2 : 1);
  const member = (): string => {
    const char = chars[at++];
    if (char === undefined || char === '-' || char === ']') throw malformed(pattern);
    return quoted(char === '\\' ? escapedAt(pattern, chars, at++) : char);
  };
  const ranges: string[] = [];
  while (ranges.length === 0 || chars[at] !== ']') {
    let range = member();
    if (chars[at] === '-') {
      at++;
      range += `-${member()}`;
    }
    ranges.push(range);
  }
  const text = `[${isNegated ? '^' : ''}${ranges.join('')}]`;
  try {
    return { text: new RegExp(text, 'u').source, end: at };
  } catch {
    throw malformed(pattern);
  }
}

function quoted(char: string): string {
  return char.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (found) => (found === '-' ? '\\x2d' : `\\${found}`));
}

function malformed(pattern: string): Error {
  return invalid(
    'pattern-invalid',
    `syntax error in pattern: '${pattern}' has a class that is open or empty, or ends in a backslash`,
  );
}
