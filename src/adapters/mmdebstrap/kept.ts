import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { namesIfThere } from '#adapters/files/if-there.ts';
import type { KeptPackages } from '#ports/bootstrapper.ts';

/**
 * What apt's folders take, one for each suite and architecture.
 * @param isHeld whether somebody works with one now
 */
export async function keptPackages(folder: string, isHeld: (id: string) => boolean): Promise<KeptPackages[]> {
  const kept: KeptPackages[] = [];
  for (const id of await namesIfThere(folder))
    kept.push({ id, ...(await sizeOf(join(folder, id))), inUse: isHeld(id) });
  return kept;
}

/** Files come and go while apt works: what is gone counts nothing. The newest of them tells when it was used. */
async function sizeOf(home: string): Promise<Pick<KeptPackages, 'size' | 'touched'>> {
  let [size, touched] = [0, 0];
  const names = await readdir(home, { recursive: true }).catch(() => []);
  for (const name of names) {
    const stats = await stat(join(home, name)).catch(() => undefined);
    if (stats?.isFile() !== true) continue;
    size += stats.blocks * 512;
    touched = Math.max(touched, stats.mtimeMs);
  }
  return { size, touched: Math.round(touched) };
}
