import { createHash, hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { raw, text } from '#adapters/files/byte-path.ts';
import { carriedXattrs } from '#adapters/files/member.ts';
import { attributesOf } from './tree-facts.ts';

/** What a digest tells of a file beside its head: the digest of its content, in hex, and its attributes. */
export type Told = string;

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const chunkSize = 256 * 1024;

/** Reads files. Synchronous. @param paths byte strings */
export function tellContents(paths: readonly string[]): Told[] {
  // Memory of its own for each of many files has the garbage collected again and again.
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  return paths.map((path) => `${contentOf(path, buffer)}${attributesOf(carriedXattrs(text(path)))}`);
}

function contentOf(path: string, buffer: Buffer): string {
  const file = openSync(raw(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const length = readSync(file, buffer);
    if (length < buffer.length) return hash('sha256', buffer.subarray(0, length));
    const whole = createHash('sha256').update(buffer);
    for (let more = readSync(file, buffer); more > 0; more = readSync(file, buffer))
      whole.update(buffer.subarray(0, more));
    return whole.digest('hex');
  } finally {
    closeSync(file);
  }
}
