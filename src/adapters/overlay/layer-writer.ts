import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  chmodSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { systemCode } from '#base/errors.ts';
import { makeDevice, mknod, setXattr, SystemCallError } from '#adapters/linux/libc.ts';
import type { TarEntry, TarType } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import type { TarListener } from '#domain/archive/tar-parser.ts';
import { LayerPaths, lstatOrUndefined, raw } from '#adapters/overlay/layer-path.ts';
import { OPAQUE, whiteoutDevice, whiteoutOf, type Whiteout } from '#adapters/overlay/whiteout.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const nodeTypes: Partial<Record<TarType, number>> = { character: 0o020000, block: 0o060000, fifo: 0o010000 };

interface OpenFile {
  fd: number;
  path: string;
  entry: TarEntry;
}

/**
 * Writes a layer's members into a folder, as overlayfs wants a lower directory. All calls are synchronous,
 * so it belongs into a worker. Later members replace earlier ones; nothing is written outside the folder.
 */
export class LayerWriter implements TarListener {
  readonly #paths: LayerPaths;
  /** Times of folders, set at the end because writing into a folder changes its own. */
  readonly #folderTimes = new Map<string, number>();
  #file: OpenFile | undefined;
  #size = 0;

  /** `root` is a byte string: an absolute path of an existing folder. */
  constructor(root: string) {
    this.#paths = new LayerPaths(root);
  }

  /** Bytes of all files. */
  get size(): number {
    return this.#size;
  }

  entry(entry: TarEntry): void {
    try {
      this.#entry(entry);
    } catch (error) {
      if (systemCode(error) !== 'ENAMETOOLONG') throw error;
      throw corrupt(
        `the name or target of '${entry.name.slice(0, 60)}...' is longer than a file system takes`,
      );
    }
  }

  #entry(entry: TarEntry): void {
    const relative = this.#paths.resolve(entry.name);
    const whiteout = whiteoutOf(relative);
    if (whiteout !== undefined) this.#whiteout(whiteout);
    else this.#member(entry, relative);
  }

  data(chunk: Uint8Array, position: number): void {
    if (this.#file === undefined) return;
    for (let done = 0; done < chunk.length;)
      done += writeSync(this.#file.fd, chunk, done, chunk.length - done, position + done);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { fd, path, entry } = this.#file;
    if (entry.sparse !== undefined) ftruncateSync(fd, entry.size);
    // A layer has many thousand files, nearly all of root: each call counts.
    if (entry.uid !== 0 || entry.gid !== 0) fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, entry.mode);
    this.#setXattrs(path, entry);
    futimesSync(fd, entry.mtime, entry.mtime);
    this.close();
    this.#size += entry.size;
  }

  /** Sets what could not be set before all members were there. */
  finish(): void {
    for (const [relative, mtime] of this.#folderTimes)
      lutimesSync(raw(this.#paths.absolute(relative)), mtime, mtime);
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #whiteout(whiteout: Whiteout): void {
    if (whiteout.kind === 'ignored') return;
    if (whiteout.kind === 'opaque') {
      // The name of the marker was resolved, so its folder exists.
      setXattr(textOf(this.#paths.absolute(whiteout.folder)), OPAQUE, Buffer.from('y'));
      return;
    }
    // A whiteout hides what is below this layer only (OCI image specification, layer.md, Whiteouts).
    const path = this.#paths.absolute(whiteout.path);
    const found = lstatOrUndefined(raw(path));
    if (found === undefined) mknod(textOf(path), 0o020000, whiteoutDevice);
    else if (found.isDirectory()) setXattr(textOf(path), OPAQUE, Buffer.from('y'));
  }

  #member(entry: TarEntry, relative: string): void {
    const path = this.#paths.absolute(relative);
    if (entry.type === 'directory') {
      this.#folder(entry, relative, path);
      return;
    }
    if (relative === '') throw corrupt(`the layer's root is a ${entry.type}; required is a directory`);
    if (entry.type === 'hard-link') {
      this.#hardLink(entry, relative, path);
      return;
    }
    if (entry.type === 'file') {
      this.#file = { fd: this.#createFile(relative, path), path, entry };
      return;
    }
    this.#makeRoom(relative, path);
    if (entry.type === 'symlink' && entry.linkName === '')
      throw corrupt(`'${entry.name}' is a symbolic link to nothing`);
    if (entry.type === 'symlink') symlinkSync(raw(entry.linkName), raw(path));
    else this.#node(entry, path);
    lchownSync(raw(path), entry.uid, entry.gid);
    if (entry.type !== 'symlink') chmodSync(raw(path), entry.mode);
    this.#setXattrs(path, entry);
    lutimesSync(raw(path), entry.mtime, entry.mtime);
  }

  #createFile(relative: string, path: string): number {
    const bytes = raw(path);
    const create = (): number => openSync(bytes, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    try {
      return create();
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      this.#makeRoom(relative, path);
      return create();
    }
  }

  #folder(entry: TarEntry, relative: string, path: string): void {
    const found = lstatOrUndefined(raw(path));
    if (found?.isDirectory() !== true) {
      // A folder in place of what this layer deleted hides what the lower layers have there.
      const hidden = found?.isCharacterDevice() === true && found.rdev === whiteoutDevice;
      this.#makeRoom(relative, path);
      mkdirSync(raw(path), 0o700);
      if (hidden) setXattr(textOf(path), OPAQUE, Buffer.from('y'));
    }
    this.#paths.learn(relative);
    lchownSync(raw(path), entry.uid, entry.gid);
    chmodSync(raw(path), entry.mode);
    this.#setXattrs(path, entry);
    this.#folderTimes.set(relative, entry.mtime);
  }

  #hardLink(entry: TarEntry, relative: string, path: string): void {
    const target = this.#paths.resolve(entry.linkName);
    if (target === relative) return;
    const found = lstatOrUndefined(raw(this.#paths.absolute(target)));
    if (found === undefined || found.isDirectory())
      throw corrupt(`'${entry.name}' is a hard link to '${entry.linkName}', which is no file of the layer`);
    this.#makeRoom(relative, path);
    linkSync(raw(this.#paths.absolute(target)), raw(path));
  }

  #node(entry: TarEntry, path: string): void {
    const device = entry.type === 'fifo' ? 0 : makeDevice(entry.major, entry.minor);
    mknod(textOf(path), (nodeTypes[entry.type] ?? 0) | 0o600, device);
  }

  #makeRoom(relative: string, path: string): void {
    const found = lstatOrUndefined(raw(path));
    if (found === undefined) return;
    if (!found.isDirectory()) {
      unlinkSync(raw(path));
      return;
    }
    rmSync(raw(path), { recursive: true });
    this.#paths.forget(relative);
    for (const folder of this.#folderTimes.keys())
      if (folder === relative || folder.startsWith(`${relative}/`)) this.#folderTimes.delete(folder);
  }

  /** After chown, which drops security.capability. Attributes of the overlay itself are not the image's to set. */
  #setXattrs(path: string, entry: TarEntry): void {
    for (const [name, value] of entry.xattrs) {
      if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) continue;
      try {
        setXattr(textOf(path), textOf(name), value);
      } catch (error) {
        // As Docker: what this file system cannot hold is left out.
        if (!(error instanceof SystemCallError) || error.code !== 'ENOTSUP') throw error;
      }
    }
  }
}

/** FFI takes text, not bytes. */
function textOf(path: string): string {
  return raw(path).toString('utf8');
}
