import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { deviceOf, nodeType, storeXattrs, timeOf, writeFully } from '#adapters/files/member.ts';
import { descriptorPath, O_PATH, openFolder } from '#adapters/files/open-in-root.ts';
import { mknod, setXattrOf } from '#adapters/linux/libc.ts';
import { invalid } from '#base/errors.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { toHost, type IdMappings, type Owner } from '#domain/user-namespace/id-mappings.ts';
import type { TarListener } from '#domain/archive/tar-parser.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

export interface WriteRules {
  /** Refuse to replace a folder by something else and the other way round. */
  keepKinds: boolean;
  /** Of all that is made; absent: as the archive has it. */
  owner?: Owner;
  /** From these ids to those on disk; absent: they are the same. */
  mappings?: IdMappings | undefined;
}

/**
 * Writes an archive's members below a folder inside a root that may be in use: each member's folder is found
 * by the kernel inside the root and held by a descriptor while the member is made.
 */
export class LiveTreeWriter implements TarListener {
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
    this.#inFolderOf(entry.name, (folder, name) => this.#make(folder, name, entry));
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file !== undefined) writeFully(this.#file.fd, chunk, position);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, entry } = this.#file;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    this.#settle(fd, entry);
    this.close();
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  /** A name without a last part, such as `./`, means the folder that is there already. */
  #inFolderOf(member: string, use: (folder: number, name: string) => void): void {
    const parts = member.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.pop();
    if (name === undefined || name === '..') return;
    const folder = openFolder(this.#root, [this.#base, ...parts].join('/'));
    try {
      use(folder, name);
    } finally {
      closeSync(folder);
    }
  }

  #make(folder: number, name: string, entry: TarEntry): void {
    const path = descriptorPath(folder, name);
    if (!this.#clear(path, entry)) mkdirSync(path, 0o755);
    if (entry.type === 'directory') this.#settleFolder(path, entry);
    else if (entry.type === 'file')
      this.#file = { fd: openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600), entry };
    else if (entry.type === 'hard-link')
      this.#inFolderOf(entry.linkName, (at, target) => linkSync(descriptorPath(at, target), path));
    else this.#special(path, entry);
  }

  /** Removes what is in the way. Gives false when a folder is to be made. */
  #clear(path: Buffer, entry: TarEntry): boolean {
    const found = lstatOrUndefined(path);
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
      this.#settle(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  // Owner first: a change of owner drops set-user-id bits and capabilities.
  #settle(fd: number, entry: TarEntry): void {
    const { uid, gid } = this.#ownerOf(entry);
    fchownSync(fd, uid, gid);
    fchmodSync(fd, entry.mode);
    storeXattrs(entry, (name, value) => setXattrOf(fd, name, value));
    const time = timeOf(entry.mtime);
    futimesSync(fd, time, time);
  }

  #ownerOf(entry: TarEntry): Owner {
    const { owner = entry, mappings } = this.#rules;
    return mappings === undefined ? owner : toHost(mappings, owner);
  }

  #special(path: Buffer, entry: TarEntry): void {
    const { uid, gid } = this.#ownerOf(entry);
    if (entry.type === 'symlink') symlinkSync(raw(entry.linkName), path);
    else mknod(path.toString('utf8'), nodeType(entry.type) | 0o600, deviceOf(entry));
    lchownSync(path, uid, gid);
    if (entry.type !== 'symlink') chmodNode(path, entry.mode);
    const time = timeOf(entry.mtime);
    lutimesSync(path, time, time);
  }
}

// By a descriptor, because chmod(2) follows the link that somebody may have put there meanwhile.
function chmodNode(path: Buffer, mode: number): void {
  const fd = openSync(path, O_PATH | O_NOFOLLOW);
  try {
    chmodSync(descriptorPath(fd), mode);
  } finally {
    closeSync(fd);
  }
}

function kindDiffers(entry: TarEntry, wantsFolder: boolean): Error {
  const name = text(entry.name);
  return invalid(
    'path-kind-differs',
    wantsFolder
      ? `cannot overwrite non-directory "${name}" with directory`
      : `cannot overwrite directory "${name}" with non-directory`,
  );
}
