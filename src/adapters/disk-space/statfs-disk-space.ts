import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '#ports/disk-space.ts';

/** What statfs(2) says of a folder's file system; what is reserved for its administrator counts as taken. */
export class StatfsDiskSpace implements DiskSpace {
  readonly #folder: string;

  /** @param folder absolute */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async measure(): Promise<{ total: number; free: number }> {
    const { bsize, blocks, bfree, bavail } = await statfs(this.#folder);
    // As df counts: what nobody but the administrator may write is no part of the whole.
    return { total: (blocks - bfree + bavail) * bsize, free: bavail * bsize };
  }
}
