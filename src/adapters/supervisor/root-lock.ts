import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import koffi from 'koffi';
import { conflict } from '#base/errors.ts';

const flock: (fd: number, operation: number) => number = koffi.load('libc.so.6').func('int flock(int, int)');
const LOCK_EX_NB = 2 | 4;

/**
 * Holds a root folder for this process; the kernel lets go when the process ends, however it ends.
 * @throws conflict `root-in-use` naming the process that has it
 */
export async function lockRoot(root: string): Promise<FileHandle> {
  const path = join(root, 'lock');
  const file = await open(path, 'a+', 0o600);
  if (flock(file.fd, LOCK_EX_NB) < 0) {
    const holder = (await file.readFile('utf8')).trim();
    await file.close();
    throw conflict('root-in-use', `the folder '${root}' is in use by another daemon (process ${holder})`, {
      hint: 'stop that daemon, or set BERTH_ROOT, BERTH_RUN and BERTH_HOST to run a second one beside it',
    });
  }
  await file.truncate(0);
  await file.write(`${process.pid}\n`);
  return file;
}
