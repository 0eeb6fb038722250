/** The source of a regular expression for a shell pattern: `*` and `?` are wild, a backslash takes that away. */
export function patternSource(pattern: string): string {
  return pattern.replaceAll(/\\(.)|[\s\S]/g, (whole: string, escaped: string | undefined) => {
    if (escaped !== undefined) return quoted(escaped);
    if (whole === '*') return '.*';
    return whole === '?' ? '.' : quoted(whole);
  });
}

function quoted(char: string): string {
  return char.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
