import { parseHeredoc, type Heredoc } from './heredoc.ts';
import type { Copy, Instruction, Run, Written } from './instruction.ts';
import { readCommand } from './read-simple.ts';
import { flagIsOn, flagValue, readFlags, wrong, type Flag, type Statement } from './statement.ts';
import { mistake } from './source.ts';
import { parseExecForm, splitPlain } from './words.ts';

// Readers of RUN, COPY and ADD: what works on files.

/** Flags that only BuildKit's own protocol can serve, and what each is. */
const unserved: Record<string, string> = {
  mount: 'RUN --mount',
  security: 'RUN --security',
  parents: 'COPY --parents',
  'keep-git-dir': 'ADD of a Git repository',
  unpack: 'ADD --unpack',
};

function refuseUnserved(statement: Statement, flags: Map<string, Flag[]>): void {
  for (const [name, [flag]] of flags) {
    const what = unserved[name];
    if (what === undefined || flag === undefined) continue;
    throw mistake(
      statement.source,
      flag.at,
      `the --${name} option requires BuildKit: ${what} is not offered by the classic builder`,
      { length: flag.length },
    );
  }
}

/** @throws invalid `dockerfile-invalid` */
export function readRun(statement: Statement, written: Written): Run & Written {
  const flags = readFlags(statement, ['mount', 'network', 'security'], ['mount']);
  refuseUnserved(statement, flags);
  const network = flagValue(statement, flags, 'network') ?? 'default';
  if (network !== 'default' && network !== 'none' && network !== 'host')
    throw wrong(statement, `invalid network mode: "${network}"`, { hint: 'it is default, none or host' });
  return {
    name: 'RUN',
    command: readCommand(statement),
    heredocs: statement.line.heredocs,
    network,
    ...written,
  };
}

const copyFlags = ['from', 'chown', 'chmod', 'link', 'parents', 'exclude'];
const addFlags = ['chown', 'chmod', 'link', 'exclude', 'checksum', 'keep-git-dir', 'unpack'];

/** @throws invalid `dockerfile-invalid` */
export function readCopy(statement: Statement, name: 'COPY' | 'ADD', written: Written): Instruction {
  const flags = readFlags(statement, name === 'COPY' ? copyFlags : addFlags, ['exclude']);
  refuseUnserved(statement, flags);
  // The result of --link is the same here: every COPY is a layer of its own, keyed by content.
  flagIsOn(statement, flags, 'link');
  const { sources, destination } = readPaths(statement, name);
  const copy: Copy = { name, sources, destination, exclude: excludes(statement, flags) };
  for (const key of ['from', 'chown', 'chmod', 'checksum'] as const) {
    const value = flagValue(statement, flags, key);
    if (value !== undefined) copy[key] = value;
  }
  refuseVariable(statement, copy.from);
  return { ...copy, ...written };
}

function excludes(statement: Statement, flags: Map<string, Flag[]>): string[] {
  return (flags.get('exclude') ?? []).map((flag) => {
    const value = flagValue(statement, new Map([['exclude', [flag]]]), 'exclude');
    return value ?? '';
  });
}

function refuseVariable(statement: Statement, from: string | undefined): void {
  if (from?.includes('$') === true)
    throw wrong(statement, `'--from' doesn't support variable expansion, define alias stage instead`, {
      hint: `write FROM ${from} AS NAME, and --from=NAME`,
    });
}

function readPaths(
  statement: Statement,
  name: string,
): { sources: (string | Heredoc)[]; destination: string } {
  const paths = parseExecForm(statement.rest) ?? splitPlain(statement.rest).map((word) => word.text);
  const destination = paths.at(-1);
  if (destination === undefined || paths.length === 0)
    throw wrong(statement, `${name} requires at least two arguments`);
  if (paths.length === 1)
    throw wrong(
      statement,
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined.`,
    );
  if (parseHeredoc(destination) !== undefined)
    throw wrong(statement, `${name} cannot accept a heredoc as a destination`);
  const bodies = [...statement.line.heredocs];
  const sources = paths.slice(0, -1).map((path) => {
    return parseHeredoc(path) === undefined ? path : (bodies.shift() ?? path);
  });
  return { sources, destination };
}
