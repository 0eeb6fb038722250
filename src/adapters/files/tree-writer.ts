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
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { mknod, setXattr } from '#adapters/linux/libc.ts';
import { systemCode } from '#base/errors.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { lstatOrUndefined, raw, text } from './byte-path.ts';
import { deviceOf, nodeType, storeXattrs, timeOf, writeFully } from './member.ts';
import type { MemberPaths } from './private-root.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

const setGroupId = 0o2000;
/** What is taken off the mode of a file that is made (umask(2)). */
const umask = Number.parseInt(
  /^Umask:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '777',
  8,
);

/** Whether a file can be made with its mode at once. */
function isPlain(mode: number): boolean {
  return (mode & (umask | 0o7000)) === 0;
}

function folderOf(relative: string): string {
  return relative.slice(0, Math.max(relative.lastIndexOf('/'), 0));
}

interface OpenFile {
  fd: number;
  path: string;
  entry: TarEntry;
  /** The kernel gave it its folder's group. */
  inheritsGroup: boolean;
}

/**
 * Writes an archive's members below a folder as `tar x` in a root file system of its own would: later members
 * replace earlier ones, nothing is written outside the root. All calls are synchronous.
 */
export class TreeWriter {
  readonly #paths: MemberPaths;
  readonly #owner: { uid: number; gid: number } | undefined;
  /** Times of folders, set at the end because writing into a folder changes its own. */
  readonly #folderTimes = new Map<string, number>();
  /** By folder: whether what is made in it gets its group (set-group-ID; see open(2)). */
  readonly #givesGroup = new Map<string, boolean>();
  #file: OpenFile | undefined;

  /** @param owner of all members; absent: as the archive has it */
  constructor(paths: MemberPaths, owner?: { uid: number; gid: number }) {
    this.#paths = paths;
    this.#owner = owner;
  }

  /** @param relative what `paths` resolved the member's name to */
  entry(entry: TarEntry, relative: string): void {
    const path = this.#paths.absolute(relative);
    if (entry.type === 'directory') this.#folder(entry, relative, path);
    else if (this.#paths.isBase(relative))
      throw corrupt(`the archive's root is a ${entry.type}; required is a directory`);
    else if (entry.type === 'hard-link') this.#hardLink(entry, relative, path);
    else if (entry.type === 'file') this.#beginFile(entry, relative, path);
    else this.#special(entry, relative, path);
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file !== undefined) writeFully(this.#file.fd, chunk, position);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, path, entry, inheritsGroup } = this.#file;
    const { uid, gid } = this.#owner ?? entry;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    // Owner first: a change of owner drops set-user-id bits and capabilities. An archive has many thousand
    // files, nearly all of root: each call counts.
    const isChanged = uid !== 0 || gid !== 0 || inheritsGroup;
    if (isChanged) fchownSync(fd, uid, gid);
    if (isChanged || !isPlain(entry.mode)) fchmodSync(fd, entry.mode);
    this.#setXattrs(path, entry);
    const time = timeOf(entry.mtime);
    futimesSync(fd, time, time);
    this.close();
  }

  /** Sets what could not be set before all members were there. */
  finish(): void {
    for (const [relative, mtime] of this.#folderTimes) {
      const time = timeOf(mtime);
      lutimesSync(raw(this.#paths.absolute(relative)), time, time);
    }
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #folder(entry: TarEntry, relative: string, path: string): void {
    if (lstatOrUndefined(path)?.isDirectory() !== true) {
      this.#makeRoom(relative, path);
      mkdirSync(raw(path), 0o700);
    }
    this.#paths.learn(relative);
    this.#givesGroup.set(relative, (entry.mode & setGroupId) !== 0);
    this.#settle(entry, path);
    this.#folderTimes.set(relative, entry.mtime);
  }

  #beginFile(entry: TarEntry, relative: string, path: string): void {
    const fd = this.#createFile(relative, path, isPlain(entry.mode) ? entry.mode : 0o600);
    this.#file = { fd, path, entry, inheritsGroup: this.#doesGiveGroup(folderOf(relative)) };
  }

  #doesGiveGroup(folder: string): boolean {
    const known = this.#givesGroup.get(folder);
    if (known !== undefined) return known;
    const gives = ((lstatOrUndefined(this.#paths.absolute(folder))?.mode ?? 0) & setGroupId) !== 0;
    this.#givesGroup.set(folder, gives);
    return gives;
  }

  #createFile(relative: string, path: string, mode: number): number {
    const create = (): number => openSync(raw(path), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
    try {
      return create();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      this.#makeRoom(relative, path);
      return create();
    }
  }

  #hardLink(entry: TarEntry, relative: string, path: string): void {
    const target = this.#paths.resolve(entry.linkName);
    if (target === relative) return;
    const found = lstatOrUndefined(this.#paths.absolute(target));
    if (found === undefined || found.isDirectory())
      throw corrupt(
        `'${text(entry.name)}' is a hard link to '${text(entry.linkName)}', which is no file of the archive`,
      );
    this.#makeRoom(relative, path);
    linkSync(raw(this.#paths.absolute(target)), raw(path));
  }

  #special(entry: TarEntry, relative: string, path: string): void {
    if (entry.type === 'symlink' && entry.linkName === '')
      throw corrupt(`'${text(entry.name)}' is a symbolic link to nothing`);
    this.#makeRoom(relative, path);
    if (entry.type === 'symlink') symlinkSync(raw(entry.linkName), raw(path));
    else mknod(text(path), nodeType(entry.type) | 0o600, deviceOf(entry));
    this.#settle(entry, path);
    const time = timeOf(entry.mtime);
    lutimesSync(raw(path), time, time);
  }

  #makeRoom(relative: string, path: string): void {
    const found = lstatOrUndefined(path);
    if (found === undefined) return;
    if (!found.isDirectory()) {
      unlinkSync(raw(path));
      return;
    }
    rmSync(raw(path), { recursive: true });
    this.#paths.forget(relative);
    this.#givesGroup.clear();
    for (const folder of this.#folderTimes.keys())
      if (folder === relative || folder.startsWith(`${relative}/`)) this.#folderTimes.delete(folder);
  }

  #settle(entry: TarEntry, path: string): void {
    const { uid, gid } = this.#owner ?? entry;
    lchownSync(raw(path), uid, gid);
    if (entry.type !== 'symlink') chmodSync(raw(path), entry.mode);
    this.#setXattrs(path, entry);
  }

  #setXattrs(path: string, entry: TarEntry): void {
    storeXattrs(entry, (name, value) => setXattr(text(path), name, value));
  }
}
