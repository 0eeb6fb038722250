import type { Filter } from '#ports/file-trees.ts';
import { text } from '#adapters/files/byte-path.ts';

/** Whether a path below the start of a walk, a byte string, is taken, and whether a folder is looked into. */
export type Judge = (relative: string) => { taken: boolean; entered: boolean };

/** Where the walk began is always taken; `prefix` is the start's path below its root. */
export function judgeOf(prefix: string, filter: Filter & { leavesOut?: (path: string) => boolean }): Judge {
  return (relative) => {
    if (relative === '') return { taken: true, entered: true };
    const path = text(relative);
    const kept = filter.keeps?.(prefix === '' ? path : `${prefix}/${path}`) !== false;
    const taken = kept && filter.leavesOut?.(path) !== true;
    return { taken, entered: taken || filter.prunes !== true };
  };
}

/** What a digest tells of a file beside its content. */
export interface DigestedFacts {
  relative: string;
  /** With the bits of its kind. */
  mode: number;
  /** Of a file its bytes, of a device its number: a folder's size says how its entries lie on the disk, not what they are. */
  size: number;
  link: string;
  /** Absent where owners do not count. */
  owner?: { uid: number; gid: number };
}

/** What a digest tells of a file's attributes; nothing where it has none. */
export function attributesOf(xattrs: ReadonlyMap<string, Uint8Array> | undefined): string {
  if (xattrs === undefined || xattrs.size === 0) return '';
  return JSON.stringify(
    [...xattrs].sort().map(([name, value]) => [name, Buffer.from(value).toString('hex')]),
  );
}

export function headOf({ relative, mode, size, link, owner }: DigestedFacts): string {
  const ids = owner === undefined ? [] : [owner.uid, owner.gid];
  return `${JSON.stringify([relative, mode, size, link, ...ids])}\n`;
}
