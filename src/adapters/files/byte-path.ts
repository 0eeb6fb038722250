import { lstatSync, type Stats } from 'node:fs';
import { systemCode } from '#base/errors.ts';

// Paths are byte strings here (one character for each byte), because names on disk need not be UTF-8.

/** The bytes of a byte string, as the file system takes paths. */
export function raw(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** The byte string of a text. */
export function bytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The text that a byte string holds, for people and for the C library. */
export function text(path: string): string {
  return raw(path).toString('utf8');
}

/** Of a path itself, not of what a symbolic link points to; undefined when nothing is there. */
export function lstatOrUndefined(path: string | Buffer): Stats | undefined {
  try {
    return lstatSync(typeof path === 'string' ? raw(path) : path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
