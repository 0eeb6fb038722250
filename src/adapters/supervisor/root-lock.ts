import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import koffi from 'koffi';
import { conflict, messageOf, unavailable } from '#base/errors.ts';

const flock: (fd: number, operation: number) => number = koffi.load('libc.so.6').func('int flock(int, int)');
const LOCK_EX_NB = 2 | 4;

/**
 * Makes a root folder when it is not there, and holds it for this process; the kernel lets go when the process
 * ends, however it ends.
 * @throws unavailable `root-unusable`; conflict `root-in-use` naming the process that has it
 */
export async function lockRoot(root: string): Promise<FileHandle> {
  const file = await openLock(root);
  if (flock(file.fd, LOCK_EX_NB) < 0) {
    const holder = (await file.readFile('utf8')).trim();
    await file.close();
    throw conflict('root-in-use', `the folder '${root}' is in use by another daemon (process ${holder})`, {
      hint: 'stop that daemon, or set BERTH_ROOT, BERTH_RUN and BERTH_HOST to run a second one beside it',
    });
  }
  await file.truncate(0);
  // Who cannot write here, as on a full disk, holds the folder all the same.
  await file.write(`${process.pid}\n`).catch(() => undefined);
  return file;
}

async function openLock(root: string): Promise<FileHandle> {
  try {
    await mkdir(root, { recursive: true, mode: 0o711 });
    return await open(join(root, 'lock'), 'a+', 0o600);
  } catch (error) {
    throw unavailable('root-unusable', `the root folder '${root}' cannot be used: ${messageOf(error)}`, {
      cause: error,
      hint: 'set root (or BERTH_ROOT) to a folder on a disk that can be written',
    });
  }
}
