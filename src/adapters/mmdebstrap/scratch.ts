import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { namesIfThere } from '#adapters/files/if-there.ts';
import { mount, MS, unmountIfMounted } from '#adapters/linux/libc.ts';

/** A folder for one tree that is thrown away after it was packed. */
export interface Scratch {
  path: string;
  /** Idempotent. */
  free(): Promise<void>;
}

/** Of the memory that is available, so much may be taken by a tree. */
const memoryShare = 4;

/**
 * Makes a scratch folder for about `bytes` below `parent`: in memory when there is plenty, since removing thousands
 * of files from a disk slows down what is unpacked after it (ext4 without a journal avoids their inodes for minutes).
 */
export async function makeScratch(parent: string, bytes: number): Promise<Scratch> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, 'tree-'));
  const limit = Math.floor(freemem() / memoryShare);
  if (bytes <= limit) mount('tmpfs', path, 'tmpfs', MS.NOSUID, `mode=0755,size=${limit}`);
  return { path, free: () => removeScratch(path) };
}

/** Removes what a crash left below `parent`. */
export async function removeScratches(parent: string): Promise<void> {
  for (const name of await namesIfThere(parent)) await removeScratch(join(parent, name));
  await rm(parent, { recursive: true, force: true });
}

async function removeScratch(path: string): Promise<void> {
  unmountIfMounted(path);
  await rm(path, { recursive: true, force: true });
}
