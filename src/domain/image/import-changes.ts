import { invalid } from '#base/errors.ts';
import { own } from '#base/own.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import { parseDuration } from '#domain/units/duration.ts';

type Apply = (config: ContainerConfig, argument: string) => ContainerConfig;

/** The instructions that `docker import --change` and `docker commit --change` take. */
const instructions: Record<string, Apply> = {
  CMD: (config, argument) => ({ ...config, Cmd: commandOf(argument) }),
  ENTRYPOINT: (config, argument) => ({ ...config, Entrypoint: commandOf(argument) }),
  ENV: (config, argument) => ({
    ...config,
    Env: withEnvironment(config.Env ?? [], pairsOf('ENV', argument)),
  }),
  EXPOSE: (config, argument) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...asKeys(wordsOf(argument).map(portOf)) },
  }),
  LABEL: (config, argument) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairsOf('LABEL', argument)) },
  }),
  ONBUILD: (config, argument) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), argument] }),
  USER: (config, argument) => ({ ...config, User: argument }),
  VOLUME: (config, argument) => ({
    ...config,
    Volumes: { ...config.Volumes, ...asKeys(jsonWords(argument) ?? wordsOf(argument)) },
  }),
  WORKDIR: (config, argument) => ({ ...config, WorkingDir: absolute(config.WorkingDir ?? '/', argument) }),
  STOPSIGNAL: (config, argument) => ({ ...config, StopSignal: argument }),
  HEALTHCHECK: (config, argument) => ({ ...config, Healthcheck: healthOf(argument) }),
};

/**
 * Applies `--change` instructions in order. Each is one Dockerfile instruction, keyword in any case.
 * @throws invalid `change-invalid`
 */
export function applyChanges(config: ContainerConfig, changes: string[]): ContainerConfig {
  return changes.reduce((changed, line) => {
    const [, keyword = '', argument = ''] = /^\s*(\S+)\s*([\s\S]*?)\s*$/.exec(line) ?? [];
    const apply = own(instructions, keyword.toUpperCase());
    if (apply === undefined)
      throw invalid('change-invalid', `${keyword.toUpperCase()} is not a valid change command`);
    if (argument === '')
      throw invalid('change-invalid', `${keyword.toUpperCase()} requires an argument: '${line}'`);
    return apply(changed, argument);
  }, config);
}

const parse: (text: string) => unknown = JSON.parse;

/** The exec form, a JSON array of strings; undefined for anything else. */
function jsonWords(argument: string): string[] | undefined {
  if (!argument.startsWith('[')) return undefined;
  try {
    const value = parse(argument);
    if (!Array.isArray(value)) return undefined;
    const words: unknown[] = value;
    return words.every((word): word is string => typeof word === 'string') ? words : undefined;
  } catch {
    return undefined;
  }
}

function commandOf(argument: string): string[] {
  return jsonWords(argument) ?? ['/bin/sh', '-c', argument];
}

/** Words by white space, with quotes and backslashes as in a Dockerfile. */
function wordsOf(argument: string): string[] {
  const words = argument.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g) ?? [];
  return words.map((word) =>
    word.replace(
      /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g,
      (_, double?: string, single?: string, escaped?: string) =>
        double !== undefined ? double.replace(/\\(["\\$])/g, '$1') : (single ?? escaped ?? ''),
    ),
  );
}

function pairsOf(keyword: string, argument: string): [string, string][] {
  const words = wordsOf(argument);
  const first = words[0] ?? '';
  if (!first.includes('=')) {
    // The older form: one name, and the rest of the line is its value.
    const [, name = '', value] = /^(\S+)\s+([\s\S]+)$/.exec(argument) ?? [];
    if (value === undefined)
      throw invalid('change-invalid', `${keyword} must have two arguments: '${argument}'`);
    return [[name, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0)
      throw invalid(
        'change-invalid',
        `Syntax error - can't find = in "${word}". Must be of the form: name=value`,
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function withEnvironment(environment: string[], pairs: [string, string][]): string[] {
  const names = new Set(pairs.map(([name]) => name));
  return [
    ...environment.filter((line) => !names.has(line.split('=')[0] ?? '')),
    ...pairs.map(([name, value]) => `${name}=${value}`),
  ];
}

function portOf(word: string): string {
  const [, port, protocol = 'tcp'] = /^(\d+(?:-\d+)?)(?:\/(tcp|udp|sctp))?$/i.exec(word) ?? [];
  if (port === undefined) throw invalid('change-invalid', `invalid containerPort: ${word}`);
  return `${port}/${protocol.toLowerCase()}`;
}

function asKeys(names: string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function absolute(from: string, to: string): string {
  const parts: string[] = [];
  for (const part of (to.startsWith('/') ? to : `${from}/${to}`).split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  return `/${parts.join('/')}`;
}

function healthOf(argument: string): NonNullable<ContainerConfig['Healthcheck']> {
  const health: NonNullable<ContainerConfig['Healthcheck']> = {};
  let rest = argument;
  for (let option = optionIn(rest); option !== undefined; option = optionIn(rest)) {
    rest = rest.slice(option.length);
    if (option.name === 'retries') health.Retries = Number(option.value);
    else health[durations[option.name]] = nanosOf(option.value);
  }
  if (rest.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  const [, command] = /^CMD\s+([\s\S]+)$/i.exec(rest) ?? [];
  if (command === undefined)
    throw invalid('change-invalid', `Unknown type "${rest}" in HEALTHCHECK (try CMD)`);
  const words = jsonWords(command);
  return { Test: words === undefined ? ['CMD-SHELL', command] : ['CMD', ...words], ...health };
}

const durations = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

type Option = { length: number; value: string } & { name: keyof typeof durations | 'retries' };

function optionIn(text: string): Option | undefined {
  const [whole, name, value = ''] = /^--([a-z-]+)=(\S+)\s*/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  if (name === 'retries' && /^\d+$/.test(value)) return { length: whole.length, name, value };
  if (name === 'interval' || name === 'timeout' || name === 'start-period' || name === 'start-interval')
    return { length: whole.length, name, value };
  throw invalid('change-invalid', `Unknown flag: --${name ?? ''} of HEALTHCHECK with the value '${value}'`);
}

function nanosOf(text: string): number {
  const nanoseconds = parseDuration(text);
  if (nanoseconds === undefined) throw invalid('change-invalid', `time: invalid duration "${text}"`);
  return nanoseconds;
}
