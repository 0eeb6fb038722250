import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timed } from './measure.ts';

/** A file system of its own, on a file, as the disk of whoever is measured. */
export interface LoopDisk extends AsyncDisposable {
  /** Where it is mounted. */
  path: string;
  /** Waits until all is on the disk, so that nobody pays for what another one left. */
  settle(): Promise<void>;
}

/** @param folder on a disk with room for what is written */
export async function makeLoopDisk(folder: string, gigabytes: number): Promise<LoopDisk> {
  const [file, path] = [join(folder, 'disk.ext4'), join(folder, 'disk')];
  await mkdir(path);
  await writeFile(file, '');
  await truncate(file, gigabytes * 1024 ** 3);
  await timed(['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', file]);
  await timed(['mount', '-o', 'loop', file, path]);
  return {
    path,
    settle: async () => {
      await timed(['sync', '-f', path]);
    },
    [Symbol.asyncDispose]: async () => {
      await timed(['umount', path]);
    },
  };
}
