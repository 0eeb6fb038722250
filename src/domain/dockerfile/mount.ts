import { baseName, cleanPath } from '#domain/build/path.ts';
import { csvFields } from './csv.ts';
import { MountError, setOption, setSwitch, type MountOptions } from './mount-options.ts';

/** What a `RUN --mount` asks for, its variables expanded. */
export type Mount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

export interface BindMount {
  type: 'bind';
  /** Absent: the build context. */
  from?: string;
  /** In what it comes from; '' for all of it. */
  source: string;
  target: string;
  readOnly: boolean;
}

export interface CacheMount extends Ownership {
  type: 'cache';
  /** Steps with the same id share the files. */
  id: string;
  /** What the cache begins with; absent: nothing. */
  from?: string;
  source: string;
  target: string;
  readOnly: boolean;
  sharing: 'shared' | 'private' | 'locked';
}

export interface TmpfsMount {
  type: 'tmpfs';
  target: string;
  /** Bytes; absent: no limit of its own. */
  size?: number;
}

/** Owner and mode of its file as far as they are said: else root's, and 400. */
export interface SecretMount extends Partial<Ownership> {
  type: 'secret';
  id: string;
  /** Absent when the secret comes in a variable only. */
  target?: string;
  /** Name of the variable that holds it. */
  env?: string;
  required: boolean;
}

export interface SshMount extends Ownership {
  type: 'ssh';
  /** `default` when it was not named. */
  id: string;
  /** Of the agent's socket; absent: `/run/buildkit/ssh_agent.N`. */
  target?: string;
  required: boolean;
}

interface Ownership {
  uid: number;
  gid: number;
  mode: number;
}

/**
 * What can be said before the variables are known: the options are CSV, and `from` has no variable.
 * @returns the value of `from`
 * @throws MountError
 */
export function checkMount(text: string): string | undefined {
  let from: string | undefined;
  for (const field of fieldsOf(text)) {
    const [key, value] = cut(field);
    if (key !== 'from' || value === undefined) continue;
    if (/\$[^]/.test(value))
      throw new MountError(
        "'from' doesn't support variable expansion, define alias stage instead",
        `write FROM ${value} AS NAME, and from=NAME`,
      );
    from = value;
  }
  return from === '' ? undefined : from;
}

/**
 * Reads the value of a `--mount` (the reference at docs.docker.com/reference/dockerfile, "RUN --mount").
 * @param expand replaces the variables of a value
 * @throws MountError
 */
export function readMount(text: string, expand: (value: string) => string): Mount {
  const options: MountOptions = { type: 'bind', from: '', source: '', target: '', id: '', required: false };
  for (const field of fieldsOf(text)) {
    const [key, value] = cut(field);
    if (value === undefined) setSwitch(options, key, field);
    else setOption(options, key, expand(value), field);
  }
  checkOwnership(options);
  return complete(options);
}

function fieldsOf(text: string): string[] {
  const fields = csvFields(text);
  if (fields === undefined)
    throw new MountError(`failed to parse csv mounts: '${text}' is no list of key=value`);
  return fields;
}

function cut(field: string): [key: string, value: string | undefined] {
  const equals = field.indexOf('=');
  if (equals < 0) return [field.toLowerCase(), undefined];
  return [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
}

function checkOwnership(options: MountOptions): void {
  const { type, sharing } = options;
  if (type === 'bind' || type === 'tmpfs')
    for (const key of ['mode', 'uid', 'gid'] as const)
      if (options[key] !== undefined) throw new MountError(`${key} not allowed for "${type}" type mounts`);
  if (type === 'secret' && sharing !== undefined)
    throw new MountError('secret mount should not define sharing');
  if (type !== 'cache' && sharing !== undefined)
    throw new MountError(`invalid cache sharing set for ${type} mount`);
}

function complete(options: MountOptions): Mount {
  const { type, source, target, readOnly } = options;
  switch (type) {
    case 'bind':
      return { type, ...fromOf(options), source, target, readOnly: readOnly ?? true };
    case 'cache':
      return {
        ...{ type, id: options.id === '' ? cleanPath(target) : options.id, ...fromOf(options) },
        ...{ source, target, readOnly: readOnly ?? false, sharing: options.sharing ?? 'shared' },
        ...ownershipOf(options, 0o755),
      };
    case 'tmpfs':
      return { type, target, ...(options.size === undefined ? {} : { size: options.size }) };
    case 'secret':
      return secretOf(options);
    case 'ssh': {
      if (source !== '') throw new MountError('ssh does not support source');
      const id = options.id === '' ? 'default' : options.id;
      const place = target === '' ? {} : { target };
      return { type, id, ...place, required: options.required, ...ownershipOf(options, 0o600) };
    }
  }
}

function fromOf({ from }: MountOptions): { from?: string } {
  return from === '' ? {} : { from };
}

function ownershipOf({ uid = 0, gid = 0, mode }: MountOptions, standard: number): Ownership {
  return { uid, gid, mode: mode ?? standard };
}

/** Owner and mode as far as they are written. */
function said({ uid, gid, mode }: MountOptions): Partial<Ownership> {
  return {
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(mode !== undefined && { mode }),
  };
}

function secretOf(options: MountOptions): SecretMount {
  const { from, source, id: given, env } = options;
  if (from !== '') throw new MountError('secret mount should not have a from');
  if (source === '' && given === '' && options.target === '')
    throw new MountError('invalid secret mount. one of source, target required', 'write id=NAME');
  if (source !== '' && given !== '') throw new MountError("both source and id can't be set");
  const id = source || given || baseName(cleanPath(options.target));
  // In a variable only, unless a target says that it is to be a file too.
  const file = env === undefined ? `/run/secrets/${baseName(cleanPath(id))}` : '';
  const target = options.target === '' ? file : options.target;
  return {
    ...{ type: 'secret', id, ...(target === '' ? {} : { target }) },
    ...(env === undefined ? {} : { env: env === '' ? id : env }),
    required: options.required,
    ...said(options),
  };
}
