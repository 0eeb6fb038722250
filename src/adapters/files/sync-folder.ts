import { open } from 'node:fs/promises';

/** Has the names in a folder on disk: after a rename, so that it outlives a crash of the machine. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
