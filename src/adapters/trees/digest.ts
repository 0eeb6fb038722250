import { createHash, hash } from 'node:crypto';
import { createReadStream, readFileSync, readlinkSync } from 'node:fs';
import type { CopyRules } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw } from '#adapters/files/byte-path.ts';
import { headOf, type DigestedFacts } from './tree-facts.ts';
import { walk, type Walked } from './walk.ts';

/** Files up to this size are read at once. */
const smallFile = 1024 * 1024;

/** `prefix` is the start's path below its root, for the filter. */
export async function digestOf(
  start: string,
  prefix: string,
  options: Omit<CopyRules, 'owner' | 'mode'> & { owners: boolean },
): Promise<string> {
  const whole = createHash('sha256');
  const breather = new Breather(options.signal);
  for (const found of walk(start, prefix, options)) {
    await breather.breathe();
    if (!found.taken) continue;
    whole.update(headOf(factsOf(found, options.owners)));
    if (found.stats.isFile()) whole.update(await contentOf(found));
  }
  return whole.digest('hex');
}

function factsOf({ relative, absolute, stats }: Walked, owners: boolean): DigestedFacts {
  const link = stats.isSymbolicLink() ? readlinkSync(raw(absolute), 'buffer').toString('latin1') : '';
  const size = stats.isFile() ? stats.size : stats.rdev;
  const { mode, uid, gid } = stats;
  return { relative, mode, size, link, ...(owners ? { owner: { uid, gid } } : {}) };
}

async function contentOf({ absolute, stats }: Walked): Promise<string> {
  if (stats.size <= smallFile) return hash('sha256', readFileSync(raw(absolute)));
  const content = createHash('sha256');
  for await (const chunk of createReadStream(raw(absolute), { highWaterMark: smallFile }))
    content.update(bufferOf(chunk));
  return content.digest('hex');
}

function bufferOf(chunk: unknown): Buffer {
  if (!Buffer.isBuffer(chunk)) throw new TypeError('a file stream gave no bytes');
  return chunk;
}
