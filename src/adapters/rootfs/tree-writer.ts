import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { makeDevice, mknod, setXattr } from '#adapters/linux/libc.ts';
import { descriptorPath, folderFlags, openWithin, openIfThere } from '#adapters/rootfs/in-root.ts';
import { invalid, systemCode } from '#base/errors.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import type { TarListener } from '#domain/archive/tar-parser.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const nodeTypes: Partial<Record<TarType, number>> = { character: 0o020000, block: 0o060000, fifo: 0o010000 };

export interface WriteRules {
  /** Refuse to replace a folder by something else and the other way round. */
  keepKinds: boolean;
  /** Of all that is made; absent: as the archive has it. */
  owner?: { uid: number; gid: number };
}

/**
 * Writes an archive's members below a folder inside a root that may be in use: each member's folder is found
 * by the kernel inside the root and held by a descriptor while the member is made.
 */
export class TreeWriter implements TarListener {
  readonly #root: number;
  readonly #base: string;
  readonly #rules: WriteRules;
  #file: { fd: number; entry: TarEntry } | undefined;

  /** @param root descriptor of the root, which stays open; @param base path inside it, a byte string */
  constructor(root: number, base: string, rules: WriteRules) {
    this.#root = root;
    this.#base = base;
    this.#rules = rules;
  }

  entry(entry: TarEntry): void {
    const parts = entry.name.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.pop();
    if (name === undefined || name === '..') return;
    this.#inFolder(parts.join('/'), (folder) => this.#make(folder, name, entry));
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file === undefined) return;
    for (let done = 0; done < chunk.length;)
      done += writeSync(this.#file.fd, chunk, done, chunk.length - done, position + done);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, entry } = this.#file;
    // Owner first: a change of owner drops set-user-id bits and capabilities.
    fchownSync(fd, ...this.#owner(entry));
    fchmodSync(fd, entry.mode);
    const capability = entry.xattrs.get('security.capability');
    if (capability !== undefined) setXattr(`/proc/self/fd/${fd}`, 'security.capability', capability);
    futimesSync(fd, entry.mtime, entry.mtime);
    this.close();
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #inFolder(relative: string, use: (folder: number) => void): void {
    const path = `${this.#base}/${relative}`;
    const folder = openIfThere(this.#root, path, folderFlags) ?? this.#makeFolders(relative);
    try {
      use(folder);
    } finally {
      closeSync(folder);
    }
  }

  #makeFolders(relative: string): number {
    let at = openWithin(this.#root, this.#base, folderFlags);
    let path = this.#base;
    for (const part of relative.split('/')) {
      path = `${path}/${part}`;
      const there = openIfThere(this.#root, path, folderFlags);
      if (there === undefined && part !== '..') mkdirSync(descriptorPath(at, part), 0o755);
      closeSync(at);
      at = there ?? openWithin(this.#root, path, folderFlags);
    }
    return at;
  }

  #make(folder: number, name: string, entry: TarEntry): void {
    const path = descriptorPath(folder, name);
    if (!this.#clear(path, entry)) mkdirSync(path, 0o755);
    if (entry.type === 'directory') this.#settleFolder(path, entry);
    else if (entry.type === 'file')
      this.#file = { fd: openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600), entry };
    else if (entry.type === 'hard-link') this.#hardLink(path, entry);
    else this.#special(path, entry);
  }

  /** Removes what is in the way. Gives false when a folder is to be made. */
  #clear(path: Buffer, entry: TarEntry): boolean {
    const found = statIfThere(path);
    const wantsFolder = entry.type === 'directory';
    if (found === undefined) return !wantsFolder;
    if (wantsFolder && found.isDirectory()) return true;
    if (this.#rules.keepKinds && wantsFolder !== found.isDirectory()) throw kindDiffers(entry, wantsFolder);
    if (found.isDirectory()) rmdirSync(path);
    else unlinkSync(path);
    return !wantsFolder;
  }

  #settleFolder(path: Buffer, entry: TarEntry): void {
    const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      fchownSync(fd, ...this.#owner(entry));
      fchmodSync(fd, entry.mode);
      futimesSync(fd, entry.mtime, entry.mtime);
    } finally {
      closeSync(fd);
    }
  }

  #hardLink(path: Buffer, entry: TarEntry): void {
    const parts = entry.linkName.split('/').filter((part) => part !== '' && part !== '.');
    const target = parts.pop() ?? '';
    this.#inFolder(parts.join('/'), (folder) => linkSync(descriptorPath(folder, target), path));
  }

  #special(path: Buffer, entry: TarEntry): void {
    if (entry.type === 'symlink') symlinkSync(Buffer.from(entry.linkName, 'latin1'), path);
    else
      mknod(
        path.toString('utf8'),
        (nodeTypes[entry.type] ?? 0) | entry.mode,
        makeDevice(entry.major, entry.minor),
      );
    lchownSync(path, ...this.#owner(entry));
    lutimesSync(path, entry.mtime, entry.mtime);
  }

  #owner(entry: TarEntry): [uid: number, gid: number] {
    const { uid, gid } = this.#rules.owner ?? entry;
    return [uid, gid];
  }
}

/** Gives a folder the owner and mode of another. */
export function copyAttributes(from: Stats, to: string): void {
  lchownSync(to, from.uid, from.gid);
  chmodSync(to, from.mode & 0o7777);
}

function statIfThere(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function kindDiffers(entry: TarEntry, wantsFolder: boolean): Error {
  const name = Buffer.from(entry.name, 'latin1').toString('utf8');
  return invalid(
    'path-kind-differs',
    wantsFolder
      ? `cannot overwrite non-directory "${name}" with directory`
      : `cannot overwrite directory "${name}" with non-directory`,
  );
}
