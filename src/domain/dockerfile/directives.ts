import { mistake, type Source } from './source.ts';

/** Parser directives: comments of the form `# name=value` before anything else in the file. */
export interface Directives {
  escape: '\\' | '`';
  syntax?: string;
  check?: string;
}

const pattern = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const known = ['syntax', 'escape', 'check'] as const;
type Name = (typeof known)[number];

/** Gives the directives and the number of lines that they take. @throws invalid `dockerfile-invalid` */
export function readDirectives(source: Source): { directives: Directives; lines: number } {
  const found = new Map<Name, string>();
  let lines = 0;
  for (const text of source.lines) {
    const match = pattern.exec(text.trim());
    const name = known.find((word) => word === match?.[1]?.toLowerCase());
    // The first line that is no known directive ends them: from there on all are comments.
    if (match === null || name === undefined) break;
    lines++;
    if (found.has(name))
      throw mistake(source, { line: lines, column: 1 }, `only one ${name} parser directive can be used`);
    found.set(name, match[2] ?? '');
  }
  return { directives: toDirectives(source, found), lines };
}

function toDirectives(source: Source, found: Map<Name, string>): Directives {
  const syntax = found.get('syntax');
  const check = found.get('check');
  return {
    escape: escapeOf(source, found),
    ...(syntax === undefined ? {} : { syntax }),
    ...(check === undefined ? {} : { check }),
  };
}

function escapeOf(source: Source, found: Map<Name, string>): '\\' | '`' {
  const value = found.get('escape') ?? '\\';
  if (value === '\\' || value === '`') return value;
  const line = [...found.keys()].indexOf('escape') + 1;
  throw mistake(source, { line, column: 1 }, `invalid ESCAPE '${value}'. Must be \` or \\`);
}
