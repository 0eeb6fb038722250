import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import type { FileTrees } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { raw } from '#adapters/files/byte-path.ts';
import type { Told } from './contents.ts';
import type { KnownContents } from './known-contents.ts';
import { headOf, type DigestedFacts } from './tree-facts.ts';
import type { TreeWorkers } from './tree-workers.ts';
import { walk, type Walked } from './walk.ts';

/** How many bytes of text are hashed at once. */
const hashedAtOnce = 64 * 1024;

interface Part {
  head: string;
  /** Of a file: absent until it was read. */
  told?: Told;
}

/** `prefix` is the start's path below its root, for the filter. Files that are `known` are not read. */
export async function digestOf(
  start: string,
  prefix: string,
  options: Parameters<FileTrees['digest']>[1],
  { workers, known }: { workers: TreeWorkers; known: KnownContents | undefined },
): Promise<string> {
  const breather = new Breather(options.signal);
  const now = Date.now();
  const parts: Part[] = [];
  const unread: { part: Part; found: Walked }[] = [];
  for (const found of walk(start, prefix, options)) {
    if (breather.isDue) await breather.breathe();
    if (!found.taken) continue;
    const part: Part = { head: headOf(factsOf(found, options.owners)) };
    parts.push(part);
    if (!found.stats.isFile()) continue;
    const told = known?.find(found.absolute, found.stats);
    if (told === undefined) unread.push({ part, found });
    else part.told = told;
  }
  const read = await workers.tell(
    unread.map(({ found: { absolute: path, stats } }) => ({ path, size: stats.size })),
  );
  options.signal?.throwIfAborted();
  for (const [at, { part, found }] of unread.entries()) {
    const told = read[at] ?? '';
    part.told = told;
    known?.add(found.absolute, found.stats, told, now);
  }
  return digestOfParts(parts, breather);
}

async function digestOfParts(parts: readonly Part[], breather: Breather): Promise<string> {
  const hash = createHash('sha256');
  let text = '';
  for (const { head, told = '' } of parts) {
    if (breather.isDue) await breather.breathe();
    text += head + told;
    if (text.length < hashedAtOnce) continue;
    hash.update(text);
    text = '';
  }
  return hash.update(text).digest('hex');
}

function factsOf({ relative, absolute, stats }: Walked, owners: boolean): DigestedFacts {
  const link = stats.isSymbolicLink() ? readlinkSync(raw(absolute), 'buffer').toString('latin1') : '';
  const size = stats.isFile() ? stats.size : stats.rdev;
  const { mode, uid, gid } = stats;
  return { relative, mode, size, link, ...(owners ? { owner: { uid, gid } } : {}) };
}
