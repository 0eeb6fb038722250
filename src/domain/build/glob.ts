import { invalid } from '#base/errors.ts';

/**
 * One path against one pattern, as Go's filepath.Match: `*` and `?` stop at a slash, `[a-z]` and `[^a]` are
 * classes, a backslash takes the meaning away. With `deep`, `**` matches any number of folders (.dockerignore).
 * @throws invalid `pattern-invalid`
 */
export function compileGlob(pattern: string, options: { deep: boolean }): RegExp {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*' && options.deep && pattern.charAt(i + 1) === '*') {
      i++;
      // `**/` is any number of folders, none too; `**` at the end is everything.
      if (pattern.charAt(i + 1) === '/') i++;
      source += i >= pattern.length - 1 ? '.*' : '(?:.*/)?';
    } else if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = classEnd(pattern, i);
      source += classSource(pattern, pattern.slice(i + 1, end));
      i = end;
    } else if (char === '\\') {
      i++;
      if (i >= pattern.length) throw malformed(pattern);
      source += quoted(pattern.charAt(i));
    } else source += quoted(char);
  }
  return new RegExp(`^${source}$`, 's');
}

/** Whether a path has wild cards at all. */
export function isGlob(path: string): boolean {
  return /[*?[\\]/.test(path);
}

function classEnd(pattern: string, start: number): number {
  for (let i = start + 2; i < pattern.length; i++) {
    if (pattern.charAt(i) === '\\') i++;
    else if (pattern.charAt(i) === ']') return i;
  }
  throw malformed(pattern);
}

function classSource(pattern: string, inside: string): string {
  const negated = inside.startsWith('^');
  const members = (negated ? inside.slice(1) : inside).replaceAll(
    /\\(.)|[[\]^&]/g,
    (whole, escaped?: string) => (escaped === undefined ? `\\${whole}` : quoted(escaped)),
  );
  if (members === '') throw malformed(pattern);
  try {
    // A class never matches a slash.
    return new RegExp(`(?!/)[${negated ? '^' : ''}${members}]`).source;
  } catch {
    throw malformed(pattern);
  }
}

function quoted(char: string): string {
  return char.replaceAll(/[\\^$.*+?()[\]{}|-]/g, '\\$&');
}

function malformed(pattern: string): Error {
  return invalid(
    'pattern-invalid',
    `syntax error in pattern: '${pattern}' has an open class or ends in a backslash`,
  );
}
