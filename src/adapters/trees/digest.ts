import { createHash, hash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readlinkSync, readSync } from 'node:fs';
import type { CopyRules } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw, text } from '#adapters/files/byte-path.ts';
import { carriedXattrs } from '#adapters/files/member.ts';
import { attributesOf, headOf, type DigestedFacts } from './tree-facts.ts';
import { walk, type Walked } from './walk.ts';

/** Files up to this size are read at once. */
const smallFile = 256 * 1024;

/** `prefix` is the start's path below its root, for the filter. */
export async function digestOf(
  start: string,
  prefix: string,
  options: Omit<CopyRules, 'owner' | 'mode'> & { owners: boolean },
): Promise<string> {
  const whole = createHash('sha256');
  const breather = new Breather(options.signal);
  const buffer = Buffer.allocUnsafeSlow(smallFile);
  for (const found of walk(start, prefix, options)) {
    await breather.breathe();
    if (!found.taken) continue;
    whole.update(headOf(factsOf(found, options.owners)));
    if (!found.stats.isFile()) continue;
    whole.update(await contentOf(found, buffer));
    whole.update(attributesOf(carriedXattrs(text(found.absolute))));
  }
  return whole.digest('hex');
}

function factsOf({ relative, absolute, stats }: Walked, owners: boolean): DigestedFacts {
  const link = stats.isSymbolicLink() ? readlinkSync(raw(absolute), 'buffer').toString('latin1') : '';
  const size = stats.isFile() ? stats.size : stats.rdev;
  const { mode, uid, gid } = stats;
  return { relative, mode, size, link, ...(owners ? { owner: { uid, gid } } : {}) };
}

async function contentOf({ absolute, stats }: Walked, buffer: Buffer): Promise<string> {
  if (stats.size <= buffer.length) return hash('sha256', readInto(absolute, buffer.subarray(0, stats.size)));
  const content = createHash('sha256');
  for await (const chunk of createReadStream(raw(absolute), { highWaterMark: smallFile }))
    content.update(bufferOf(chunk));
  return content.digest('hex');
}

/** Memory of its own for each of many files has the garbage collected again and again. */
function readInto(path: string, buffer: Buffer): Buffer {
  const file = openSync(raw(path), 'r');
  try {
    for (let done = 0; done < buffer.length;) {
      const length = readSync(file, buffer, done, buffer.length - done, done);
      if (length === 0) return buffer.subarray(0, done);
      done += length;
    }
    return buffer;
  } finally {
    closeSync(file);
  }
}

function bufferOf(chunk: unknown): Buffer {
  if (!Buffer.isBuffer(chunk)) throw new TypeError('a file stream gave no bytes');
  return chunk;
}
