import { parseBytes } from '#domain/units/bytes.ts';
import type { CacheMount, Mount } from './mount.ts';
import { suggestion } from './suggestion.ts';

/** Why a mount cannot be read; the caller knows where it stands. */
export class MountError extends Error {
  override readonly name = 'MountError';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

type Type = Mount['type'];
type Sharing = CacheMount['sharing'];

const types: readonly Type[] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const sharings: readonly Sharing[] = ['shared', 'private', 'locked'];

/** The options as they were read, before the defaults of the type. */
export interface MountOptions {
  type: Type;
  from: string;
  source: string;
  target: string;
  id: string;
  readOnly?: boolean;
  required: boolean;
  sharing?: Sharing;
  size?: number;
  env?: string;
  mode?: number;
  uid?: number;
  gid?: number;
}

export function setSwitch(options: MountOptions, key: string, field: string): void {
  if (key === 'readonly' || key === 'ro') options.readOnly = true;
  else if (key === 'readwrite' || key === 'rw') options.readOnly = false;
  else if (key === 'required') setRequired(options, true);
  else throw new MountError(`invalid field '${field}' must be a key=value pair`, suggestion(key, keys));
}

function setRequired(options: MountOptions, required: boolean): void {
  if (options.type !== 'secret' && options.type !== 'ssh') throw unexpectedFor('required', options.type);
  options.required = required;
}

function unexpectedFor(key: string, type: Type): MountError {
  return new MountError(`unexpected key '${key}' for mount type '${type}'`);
}

type Setter = (options: MountOptions, value: string, key: string) => void;

const setFrom: Setter = (options, value) => void (options.from = value);
const setSource: Setter = (options, value) => void (options.source = value);
const setTarget: Setter = (options, value) => void (options.target = value);
const setReadOnly: Setter = (options, value, key) => void (options.readOnly = truth(key, value));
const setWritable: Setter = (options, value, key) => void (options.readOnly = !truth(key, value));

const setters: Readonly<Record<string, Setter>> = {
  type: (options, value) => void (options.type = word('mount type', value, types)),
  from: setFrom,
  source: setSource,
  src: setSource,
  target: setTarget,
  dst: setTarget,
  destination: setTarget,
  readonly: setReadOnly,
  ro: setReadOnly,
  readwrite: setWritable,
  rw: setWritable,
  required: (options, value, key) => {
    if (options.type !== 'secret' && options.type !== 'ssh') throw unexpectedFor(key, options.type);
    setRequired(options, truth(key, value));
  },
  size: setSize,
  id: (options, value) => void (options.id = value),
  sharing: (options, value) => void (options.sharing = word('sharing value', value, sharings)),
  mode: (options, value) => void (options.mode = count('mode', value, 8)),
  uid: (options, value) => void (options.uid = count('uid', value, 10)),
  gid: (options, value) => void (options.gid = count('gid', value, 10)),
  env: (options, value) => void (options.env = value),
};
const keys = Object.keys(setters);

export function setOption(options: MountOptions, key: string, value: string, field: string): void {
  const setter = Object.hasOwn(setters, key) ? setters[key] : undefined;
  if (setter === undefined)
    throw new MountError(
      `unexpected key '${key}' in '${field}'`,
      suggestion(key, keys) ?? `the keys are ${keys.join(', ')}`,
    );
  setter(options, value, key);
}

function setSize(options: MountOptions, value: string, key: string): void {
  if (options.type !== 'tmpfs') throw unexpectedFor(key, options.type);
  const size = parseBytes(value);
  if (size === undefined)
    throw new MountError(`invalid value for ${key}: ${value}`, 'write bytes, 64m or 1g');
  options.size = size;
}

function word<T extends string>(what: string, value: string, words: readonly T[]): T {
  const found = words.find((each) => each === value.toLowerCase());
  if (found !== undefined) return found;
  throw new MountError(
    `unsupported ${what} "${value}"`,
    suggestion(value.toLowerCase(), words) ?? `it is ${words.join(', ')}`,
  );
}

// As Go's strconv.ParseBool.
function truth(key: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new MountError(`invalid value for ${key}: ${value}`, 'it is true or false');
}

function count(key: string, value: string, radix: 8 | 10): number {
  const number = (radix === 8 ? /^[0-7]+$/ : /^\d+$/).test(value) ? Number.parseInt(value, radix) : 2 ** 32;
  if (number < 2 ** 32) return number;
  throw new MountError(
    `invalid value ${value} for ${key}`,
    radix === 8 ? 'write octal digits: 0755' : 'write a number',
  );
}
