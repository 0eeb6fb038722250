import { Breather } from '#adapters/files/breather.ts';
import type { PackedEntry } from '#ports/packed-files.ts';

/**
 * Entries on their way out of a worker thread, as two texts and an array of numbers: as objects they would hold the daemon's
 * loop while they are read, a hundred thousand of them for a quarter of a second.
 */
export interface EntryBatch {
  /** Of each its path, content and link, all separated by zero bytes: none of them has one. */
  texts: string;
  numbers: Float64Array<ArrayBuffer>;
}

const kinds = ['file', 'directory', 'symlink'] as const;
const numbersOfEach = 7;

/** Of entries without devices, further names and attributes. */
export function batchOfEntries(entries: readonly PackedEntry[]): EntryBatch {
  const numbers = new Float64Array(entries.length * numbersOfEach);
  entries.forEach(({ kind, mode, uid, gid, mtime, size, offset }, at) =>
    numbers.set(
      [kinds.findIndex((each) => each === kind), mode, uid, gid, mtime, size, offset],
      at * numbersOfEach,
    ),
  );
  const texts = entries.flatMap(({ path, content, linkName }) => [path, content, linkName]).join('\0');
  return { texts, numbers };
}

export async function entriesOf({ texts, numbers }: EntryBatch): Promise<PackedEntry[]> {
  const breather = new Breather();
  const entries: PackedEntry[] = [];
  let at = 0;
  const next = (): string => {
    const end = texts.indexOf('\0', at);
    const text = texts.slice(at, end < 0 ? undefined : end);
    at = end < 0 ? texts.length : end + 1;
    return text;
  };
  for (let begin = 0; begin < numbers.length; begin += numbersOfEach) {
    if (breather.isDue) await breather.breathe();
    const [kind = 0, mode = 0, uid = 0, gid = 0, mtime = 0, size = 0, offset = 0] = numbers.subarray(
      begin,
      begin + numbersOfEach,
    );
    const [path, content, linkName] = [next(), next(), next()];
    entries.push({
      path,
      kind: kinds[kind] ?? 'file',
      mode,
      uid,
      gid,
      mtime,
      size,
      offset,
      content,
      linkName,
    });
  }
  return entries;
}
