import { createHash, type Hash } from 'node:crypto';
import { createReadStream, readFileSync, readlinkSync } from 'node:fs';
import type { CopyRules } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw } from '#adapters/files/byte-path.ts';
import { walk, type Walked } from './walk.ts';

/** Files up to this size are read at once. */
const smallFile = 1024 * 1024;

/** `prefix` is the start's path below its root, for the filter. */
export async function digestOf(
  start: string,
  prefix: string,
  options: Omit<CopyRules, 'owner' | 'mode'> & { owners: boolean },
): Promise<string> {
  const hash = createHash('sha256');
  const breather = new Breather(options.signal);
  for (const found of walk(start, prefix, options)) {
    await breather.breathe();
    if (!found.taken) continue;
    hash.update(headOf(found, options.owners));
    if (found.stats.isFile()) await addContent(hash, found);
  }
  return hash.digest('hex');
}

function headOf({ relative, absolute, stats }: Walked, owners: boolean): string {
  const link = stats.isSymbolicLink() ? readlinkSync(raw(absolute), 'buffer').toString('latin1') : '';
  const owner = owners ? [stats.uid, stats.gid] : [];
  // A folder's size says how its entries lie on the disk, not what they are.
  const size = stats.isFile() ? stats.size : stats.rdev;
  return `${JSON.stringify([relative, stats.mode, size, link, ...owner])}\n`;
}

async function addContent(hash: Hash, { absolute, stats }: Walked): Promise<void> {
  if (stats.size <= smallFile) hash.update(readFileSync(raw(absolute)));
  else
    for await (const chunk of createReadStream(raw(absolute), { highWaterMark: smallFile }))
      hash.update(bufferOf(chunk));
}

function bufferOf(chunk: unknown): Buffer {
  if (!Buffer.isBuffer(chunk)) throw new TypeError('a file stream gave no bytes');
  return chunk;
}
