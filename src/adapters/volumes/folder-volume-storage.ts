import { chown, lstat, mkdir, opendir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, messageOf, systemCode } from '#base/errors.ts';
import type { Owner } from '#domain/user-namespace/id-mappings.ts';
import { splitMountOptions } from '#domain/volume/mount-flags.ts';
import type { VolumeMount, VolumeStorage } from '#ports/volume-storage.ts';
import { mount, SystemCallError, unmountIfMounted } from '#adapters/linux/libc.ts';
import { mountTable } from '#adapters/linux/mount-table.ts';

const leaving = '.removing-';

/** Volumes as folders `NAME/_data`, which is where Docker's users look for them. */
export class FolderVolumeStorage implements VolumeStorage {
  readonly #root: string;
  readonly #owner: Owner | undefined;

  /**
   * @param root absolute path of the folder of all volumes; it is made when it is first needed
   * @param owner of new volumes; absent: the daemon
   */
  constructor(root: string, owner?: Owner) {
    this.#root = root;
    this.#owner = owner;
  }

  path(name: string): string {
    return join(this.#root, name, '_data');
  }

  async create(name: string): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o701 });
    await mkdir(join(this.#root, name), { recursive: true, mode: 0o701 });
    const made = await mkdir(this.path(name), { recursive: true, mode: 0o755 });
    if (made !== undefined && this.#owner !== undefined)
      await chown(this.path(name), this.#owner.uid, this.#owner.gid);
  }

  async remove(name: string): Promise<void> {
    unmountIfMounted(this.path(name));
    // Renamed first: a crash in the middle of the removal must not leave a volume with half its data.
    const gone = join(this.#root, `${leaving}${name}`);
    try {
      await rename(join(this.#root, name), gone);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    await rm(gone, { recursive: true, force: true });
  }

  async mount(name: string, wanted: VolumeMount): Promise<void> {
    if (await this.#isMounted(name)) return;
    const { flags, data } = splitMountOptions(wanted.options);
    const type = wanted.type === 'none' ? null : wanted.type;
    try {
      mount(wanted.device, this.path(name), type, flags, data === '' ? null : data);
    } catch (error) {
      throw invalid(
        'volume-mount-failed',
        `failed to mount local volume: mount ${wanted.device}:${this.path(name)}, type: ${wanted.type}, options: '${wanted.options}': ${error instanceof SystemCallError ? error.words : messageOf(error)}`,
        { cause: error, hint: "check the volume's options type, device and o" },
      );
    }
  }

  usage(name: string): Promise<number> {
    return usage(this.path(name));
  }

  async repair(): Promise<void> {
    for (const entry of await readdir(this.#root).catch(ignoreMissing))
      if (entry.startsWith(leaving)) await rm(join(this.#root, entry), { recursive: true, force: true });
  }

  async #isMounted(name: string): Promise<boolean> {
    const path = this.path(name);
    return (await mountTable()).some(({ point }) => point === path);
  }
}

async function usage(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory() ? await usage(path) : await sizeOf(path);
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  return bytes;
}

// Files may go while they are counted.
async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  return found?.size ?? 0;
}

function ignoreMissing(error: unknown): [] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}
