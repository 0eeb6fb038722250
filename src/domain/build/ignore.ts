import { invalid } from '#base/errors.ts';
import { compileIgnorePattern } from './ignore-pattern.ts';
import { cleanPath } from './path.ts';

interface Rule {
  /** An exception, written with `!`: takes back in. */
  takesIn: boolean;
  /** Cleaned. */
  pattern: string;
  matches: (path: string) => boolean;
}

/** What a .dockerignore leaves out (moby/patternmatcher: the last rule that matches a path or a parent decides). */
export interface IgnoreRules {
  /** Whether a path (relative, slashes) is left out of the context. */
  ignores(path: string): boolean;
  /** Whether something below an ignored folder may be taken in again, so that it must be walked. */
  readonly hasExceptions: boolean;
  /** A rule leaves everything out. */
  readonly leavesOutAll: boolean;
}

/** @throws invalid `pattern-invalid` */
export function parseIgnore(text: string): IgnoreRules {
  return ignoreRules(ignorePatterns(text));
}

/** Patterns as written, comments and empty lines left out (moby's ignorefile.ReadAll). */
export function ignorePatterns(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** @throws invalid `pattern-invalid` */
export function ignoreRules(patterns: string[]): IgnoreRules {
  const rules = patterns.flatMap(ruleOf);
  return {
    hasExceptions: rules.some((rule) => rule.takesIn),
    leavesOutAll: rules.some(({ takesIn, pattern }) => !takesIn && ['*', '**', '**/*'].includes(pattern)),
    ignores(path) {
      if (rules.length === 0) return false;
      const parents = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
      let ignored = false;
      for (const rule of rules)
        if (ignored === rule.takesIn && parents.some((each) => rule.matches(each))) ignored = !rule.takesIn;
      return ignored;
    },
  };
}

// Leading and trailing slashes do not matter, and a path is cleaned as Go does: `foo/../bar/` is `bar`.
function ruleOf(written: string): Rule[] {
  const takesIn = written.startsWith('!');
  const text = (takesIn ? written.slice(1) : written).trim();
  if (text === '') {
    if (!takesIn) return [];
    throw invalid('pattern-invalid', 'illegal exclusion pattern: "!" names nothing to take in again', {
      hint: 'write !PATH',
    });
  }
  const clean = cleanPath(text);
  const pattern = clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
  return [{ takesIn, pattern, matches: compileIgnorePattern(pattern) }];
}
