import { parseBytes } from '#domain/units/bytes.ts';

/** Thrown by a reader: what is required of the value. */
export class Requirement extends Error {}

export type Read<T> = (value: unknown) => T;

/** The kernel's own file systems hold nobody's data. */
export const absolutePath: Read<string> = (value) => {
  if (typeof value === 'string' && value.startsWith('/') && !/^\/(proc|sys)(\/|$)/.test(value))
    return value.length > 1 ? value.replace(/\/+$/, '') : value;
  throw new Requirement('an absolute path outside /proc and /sys');
};

/** conmon takes what follows a colon in a log's path for something else, and overlayfs separates layers by colons. */
export const ownFolder: Read<string> = (value) => {
  if (typeof value === 'string' && value.includes(':')) throw new Requirement("a path without ':'");
  return absolutePath(value);
};

export function text(pattern: RegExp, required: string): Read<string> {
  return (value) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new Requirement(required);
  };
}

export const yesOrNo: Read<boolean> = (value) => {
  if (typeof value === 'boolean') return value;
  throw new Requirement('true or false');
};

export function oneOf<const T extends string>(...words: T[]): Read<T> {
  return (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new Requirement(`one of ${words.join(', ')}`);
    return word;
  };
}

export function listOf<T>(read: Read<T>, required: string): Read<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new Requirement(`a list, each entry ${required}`);
    return value.map(read);
  };
}

/** A table. @param readKey reads the name of each entry, @param read its value */
export function recordOf<T>(readKey: Read<string>, read: Read<T>, required: string): Read<Record<string, T>> {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Requirement(`a table, each entry ${required}`);
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [readKey(key), read(entry)]));
  };
}

/** Bytes: a number, or a text such as `512m`. */
export const byteSize: Read<number> = (value) => {
  const bytes = typeof value === 'string' ? parseBytes(value) : value;
  if (typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new Requirement('a size such as 512m or 64g');
};

export function wholeNumber(least: number, most: number, required: string): Read<number> {
  return (value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new Requirement(required);
  };
}

export const portNumber: Read<number> = (value) => {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65536) return value;
  throw new Requirement('a port from 1 to 65535');
};
