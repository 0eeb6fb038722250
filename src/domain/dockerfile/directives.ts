import { mistake, type Source } from './source.ts';

/** Parser directives: comments of the form `# name=value` before anything else in the file. */
export interface Directives {
  escape: '\\' | '`';
  /** The frontend that the file asks for; options behind it are left out. */
  syntax?: string;
  /** `skip=RULE,RULE;error=true;experimental=all` */
  check?: string;
}

const pattern = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const known = ['syntax', 'escape', 'check'] as const;
type Name = (typeof known)[number];

interface Found {
  value: string;
  line: number;
}

/** Gives the directives and the number of lines that they take. @throws invalid `dockerfile-invalid` */
export function readDirectives(source: Source): { directives: Directives; lines: number } {
  // Behind a `#!` line the others are found, but the escape character is not.
  const first = source.lines[0]?.startsWith('#!') === true ? 1 : 0;
  const found = scan(source, '#', first);
  const syntax = found.get('syntax') ?? scan(source, '//', first).get('syntax');
  const check = found.get('check');
  return {
    directives: {
      escape: first === 0 ? escapeOf(source, found) : '\\',
      ...(syntax === undefined ? {} : { syntax: firstWord(syntax.value) }),
      ...(check === undefined ? {} : { check: firstWord(check.value) }),
    },
    lines: first + found.size,
  };
}

function firstWord(value: string): string {
  return value.split(' ', 1)[0] ?? '';
}

function scan(source: Source, mark: string, first: number): Map<Name, Found> {
  const found = new Map<Name, Found>();
  for (const [index, text] of source.lines.slice(first).entries()) {
    const match = text.trimStart().startsWith(mark)
      ? pattern.exec(text.trimStart().slice(mark.length).trimStart())
      : null;
    const name = known.find((word) => word === match?.[1]?.toLowerCase());
    // The first line that is no known directive ends them: from there on all are comments.
    if (match === null || name === undefined) break;
    const line = first + index + 1;
    if (found.has(name))
      throw mistake(source, { line, column: 1 }, `only one ${name} parser directive can be used`);
    found.set(name, { value: match[2] ?? '', line });
  }
  return found;
}

function escapeOf(source: Source, found: Map<Name, Found>): '\\' | '`' {
  const { value = '\\', line = 1 } = found.get('escape') ?? {};
  if (value === '\\' || value === '`') return value;
  throw mistake(source, { line, column: 1 }, `invalid escape token '${value}' does not match \` or \\`);
}
