/** A piece of a shell pattern: a character, `?` or `*`. Wild cards do not match the end of a line. */
type Token = { char: string } | 'one' | 'many';

/** Why a pattern cannot be read. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** A shell pattern without bracket expressions, as BuildKit's shell lexer knows them; costs length by length. */
export class ShellPattern {
  readonly #tokens: Token[] = [];

  /** A backslash takes the meaning of `*`, `?` and `\` away. @throws PatternError for any other escape */
  constructor(pattern: string) {
    const chars = Array.from(pattern);
    for (let i = 0; i < chars.length; i++) {
      let char = chars[i] ?? '';
      if (char === '*') this.#tokens.push('many');
      else if (char === '?') this.#tokens.push('one');
      else {
        const next = chars[i + 1];
        if (char === '\\') {
          // In `${x/a\/b/c}` the escape belongs to the substitution, not to the pattern.
          if (next === '}' || next === '/') continue;
          if (next !== '*' && next !== '?' && next !== '\\')
            throw new PatternError(`invalid escape '\\${next ?? ''}'`);
          char = next;
          i++;
        }
        this.#tokens.push({ char });
      }
    }
  }

  /** The text without its shortest or longest beginning that matches. */
  withoutPrefix(text: string, isLongest: boolean): string {
    const chars = Array.from(text);
    const ends = walk(chars, [0], this.#tokens, 1);
    const end = isLongest ? ends.at(-1) : ends[0];
    return chars.slice(end ?? 0).join('');
  }

  /** The text without its shortest or longest end that matches. */
  withoutSuffix(text: string, isLongest: boolean): string {
    const chars = Array.from(text);
    const starts = walk(chars, [chars.length], this.#tokens.toReversed(), -1);
    const start = isLongest ? starts[0] : starts.at(-1);
    return chars.slice(0, start ?? chars.length).join('');
  }

  /** The text with the first match, or all of them, replaced; each as long as it can be. */
  replace(text: string, replacement: string, isAll: boolean): string {
    const chars = Array.from(text);
    const everywhere = Array.from({ length: chars.length + 1 }, (_, i) => i);
    const starts = new Set(walk(chars, everywhere, this.#tokens.toReversed(), -1));
    let result = '';
    let done = 0;
    for (let at = 0; at <= chars.length;) {
      if (!starts.has(at)) {
        at++;
        continue;
      }
      const end = walk(chars, [at], this.#tokens, 1).at(-1) ?? at;
      result += chars.slice(done, at).join('');
      // An empty match right behind another one does not count.
      if (end > done || at === 0) result += replacement;
      done = end;
      at = Math.max(end, at + 1);
      if (!isAll) break;
    }
    return result + chars.slice(done).join('');
  }
}

/** The places, in order, that are reached from `from` (in order) when the tokens match one after the other. */
function walk(chars: string[], from: number[], tokens: Token[], step: 1 | -1): number[] {
  return tokens.reduce((places, token) => {
    if (token === 'many') return stretched(chars, places, step);
    return places.flatMap((place) => {
      const char = chars[step === 1 ? place : place - 1];
      const matches = token === 'one' ? char !== undefined && char !== '\n' : char === token.char;
      return matches ? [place + step] : [];
    });
  }, from);
}

function stretched(chars: string[], places: number[], step: 1 | -1): number[] {
  const found = new Set<number>();
  for (const place of places)
    for (let at = place; !found.has(at); at += step) {
      found.add(at);
      const char = chars[step === 1 ? at : at - 1];
      if (char === undefined || char === '\n') break;
    }
  return [...found].sort((one, other) => one - other);
}
