import { parseHeredoc, type Heredoc } from './heredoc.ts';
import type { Copy, Instruction, MountFlag, Run, Written } from './instruction.ts';
import { MountError } from './mount-options.ts';
import { checkMount } from './mount.ts';
import { readCommand } from './read-simple.ts';
import { execArgs, flagIsOn, flagValue, readFlags, wrong, type Flag, type Statement } from './statement.ts';
import { mistake } from './source.ts';
import { suggestion } from './suggestion.ts';
import { splitPlain } from './words.ts';

// Readers of RUN, COPY and ADD: what works on files.

/** @throws invalid `dockerfile-invalid` */
export function readRun(statement: Statement, written: Written): Run & Written {
  const flags = readFlags(statement, ['mount', 'network', 'security', 'device'], ['mount', 'device']);
  refuseDevice(statement, flags);
  return {
    name: 'RUN',
    command: readCommand(statement),
    heredocs: statement.line.heredocs,
    network: oneOf(statement, flags, 'network', ['default', 'none', 'host']),
    security: oneOf(statement, flags, 'security', ['sandbox', 'insecure']),
    mounts: (flags.get('mount') ?? []).map((flag) => mountFlag(statement, flag)),
    ...written,
  };
}

function refuseDevice(statement: Statement, flags: Map<string, Flag[]>): void {
  const flag = flags.get('device')?.[0];
  if (flag === undefined) return;
  throw mistake(statement.source, flag.at, 'RUN --device is not supported: a build has no CDI devices', {
    length: flag.length,
    hint: 'run the step in a container: docker run --device',
  });
}

/** The value of a flag that knows some words; the first is what counts without it. */
function oneOf<const T extends string>(
  statement: Statement,
  flags: Map<string, Flag[]>,
  name: string,
  words: readonly [T, ...T[]],
): T {
  const flag = flags.get(name)?.[0];
  if (flag === undefined) return words[0];
  const value = flag.value ?? flagValue(statement, flags, name);
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const message =
    name === 'network' ? `invalid network mode "${value ?? ''}"` : `${name} "${value ?? ''}" is not valid`;
  const hint = suggestion(value ?? '', words) ?? `it is ${words.join(', ')}`;
  throw mistake(statement.source, flag.at, message, { length: flag.length, hint });
}

function mountFlag(statement: Statement, flag: Flag): MountFlag {
  const text = flagValue(statement, new Map([['mount', [flag]]]), 'mount') ?? '';
  try {
    const from = checkMount(text);
    return { text, at: flag.at, ...(from === undefined ? {} : { from }) };
  } catch (error) {
    if (!(error instanceof MountError)) throw error;
    throw mistake(statement.source, flag.at, error.message, {
      length: flag.length,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

const copyFlags = ['from', 'chown', 'chmod', 'link', 'parents', 'exclude'];
const addFlags = ['chown', 'chmod', 'link', 'exclude', 'checksum', 'keep-git-dir', 'unpack'];

/** @throws invalid `dockerfile-invalid` */
export function readCopy(statement: Statement, name: 'COPY' | 'ADD', written: Written): Instruction {
  const flags = readFlags(statement, name === 'COPY' ? copyFlags : addFlags, ['exclude']);
  const { sources, destination } = readPaths(statement, name);
  const copy: Copy = {
    ...{ name, sources, destination, exclude: excludes(statement, flags) },
    link: flagIsOn(statement, flags, 'link'),
    parents: flagIsOn(statement, flags, 'parents'),
  };
  if (flags.has('keep-git-dir')) copy.keepGitDir = flagIsOn(statement, flags, 'keep-git-dir');
  if (flags.has('unpack')) copy.unpack = flagIsOn(statement, flags, 'unpack');
  for (const key of ['from', 'chown', 'chmod', 'checksum'] as const) {
    const value = flagValue(statement, flags, key);
    if (value !== undefined) copy[key] = value;
  }
  refuseVariable(statement, copy.from);
  return { ...copy, ...written };
}

function excludes(statement: Statement, flags: Map<string, Flag[]>): string[] {
  return (flags.get('exclude') ?? []).map((flag) => {
    return flagValue(statement, new Map([['exclude', [flag]]]), 'exclude') ?? '';
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
  const paths = execArgs(statement) ?? splitPlain(statement.rest).map((word) => word.text);
  const destination = paths.at(-1);
  if (destination === undefined || paths.length === 1)
    throw wrong(
      statement,
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  if (parseHeredoc(destination) !== undefined)
    throw wrong(statement, `${name} cannot accept a heredoc as a destination`);
  // Of two with one name the last one counts.
  const bodies = new Map(statement.line.heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const sources = paths.slice(0, -1).map((path) => {
    const name = parseHeredoc(path)?.name;
    if (name === undefined) return path;
    const body = bodies.get(name);
    if (body !== undefined) return body;
    throw wrong(statement, `the heredoc '${path}' has no text`, {
      hint: 'close the quotes of the line, and leave the JSON form',
    });
  });
  return { sources, destination };
}
