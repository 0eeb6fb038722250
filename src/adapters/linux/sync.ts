import koffi from 'koffi';
import { open } from 'node:fs/promises';
import { SystemCallError, errno } from '#adapters/linux/libc.ts';

const libc = koffi.load('libc.so.6');
const cSyncFs: { async: (fd: number, done: (error: Error | null, result: number) => void) => void } =
  libc.func('int syncfs(int)');

/**
 * Has all that was written to a path's file system on its disk: many files cost no more than their bytes, where fsync(2)
 * would wait for each. Waits in a thread of the pool.
 * @throws SystemCallError EIO when something could not be written
 */
export async function syncFileSystem(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const result = await new Promise<number>((resolve, reject) => {
      cSyncFs.async(file.fd, (error, value) => {
        if (error instanceof Error) reject(error);
        else resolve(value);
      });
    });
    // The reason stayed in the other thread.
    if (result < 0) throw new SystemCallError('syncfs', errno.EIO, `'${path}'`);
  } finally {
    await file.close();
  }
}
