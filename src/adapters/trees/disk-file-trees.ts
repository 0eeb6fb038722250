import {
  chmodSync,
  createReadStream,
  lchownSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { invalid, notFound, systemCode } from '#base/errors.ts';
import { namesIfThere } from '#adapters/files/if-there.ts';
import type {
  CopyRules,
  FileFacts,
  FileTrees,
  Filter,
  Owner,
  Place,
  WritablePlace,
} from '#ports/file-trees.ts';
import type { PackedFiles } from '#ports/packed-files.ts';
import { bytes, lstatOrUndefined, raw, text } from '#adapters/files/byte-path.ts';
import { makeFolderAt, resolveInRoot, type NewFolder } from '#adapters/files/private-root.ts';
import { Breather } from '#adapters/files/breather.ts';
import type { ArchivedTree } from './archived-tree.ts';
import { Archives } from './archives.ts';
import { copyTree } from './copy.ts';
import { digestOf } from './digest.ts';
import { fetchFile } from './download.ts';
import { KnownContents } from './known-contents.ts';
import { readPiece } from './extract.ts';
import { newFolder, TargetFolders } from './target-folders.ts';
import { TreeWorkers } from './tree-workers.ts';
import { beginsWithTar, unpackTar } from './unpack.ts';
import { walk } from './walk.ts';

const largestText = 4 * 1024 * 1024;
const rootOwner: Owner = { uid: 0, gid: 0 };

/** Trees of files, with private folders below one folder of this machine. */
export class DiskFileTrees implements FileTrees {
  readonly #folder: string;
  readonly #removing = new Set<Promise<void>>();
  readonly #workers = new TreeWorkers();
  readonly #archives = new Archives(this.#workers);
  readonly #known = new KnownContents();

  /** `folder`: absolute; it is made when it is first needed. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async createFolder(id: string): Promise<string> {
    const path = join(this.#folder, id);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** The folder is gone when this resolves; its files go in the background, or when a later start lists what is left. */
  async removeFolder(id: string): Promise<void> {
    await this.#archives.forget(join(this.#folder, id));
    const away = join(this.#folder, `removed-${randomUUID()}`);
    try {
      await rename(join(this.#folder, id), away);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    const removing = rm(away, { recursive: true, force: true });
    this.#removing.add(removing);
    const done = (): void => void this.#removing.delete(removing);
    // What could not be removed is listed still, and so tried again.
    removing.then(done, done);
  }

  async listFolders(): Promise<string[]> {
    await Promise.allSettled(this.#removing);
    return namesIfThere(this.#folder);
  }

  async receive(tar: Readable, root: string, { signal }: Pick<CopyRules, 'signal'> = {}): Promise<void> {
    await this.#archives.receive(tar, root, signal);
  }

  archive(root: string): Readable | undefined {
    return this.#archives.open(root);
  }

  hold(root: string, packed: PackedFiles): Promise<void> {
    return this.#archives.hold(root, packed);
  }

  settle(root: string): Promise<void> {
    return this.#archives.settle(root);
  }

  async stat(place: Place): Promise<FileFacts | undefined> {
    const tree = await this.#archived(place);
    if (tree !== undefined) return tree.stat(place.path);
    const stats = lstatOrUndefined(locate(place));
    return stats === undefined ? undefined : { kind: kindOf(stats), size: stats.size };
  }

  async readText(place: Place): Promise<string | undefined> {
    const tree = await this.#archived(place);
    if (tree !== undefined) return readArchived(tree, place.path);
    const path = locate(place);
    const stats = lstatOrUndefined(path);
    if (stats?.isFile() !== true) return undefined;
    if (stats.size > largestText) throw tooLarge(place.path, stats.size);
    return readFileSync(raw(path), 'utf8');
  }

  async list(root: string, filter: Filter): Promise<string[]> {
    const tree = this.#archives.of(root);
    if (tree !== undefined) return tree.list(filter);
    const breather = new Breather();
    const found: string[] = [];
    for (const { relative, taken } of walk(bytes(root), '', filter)) {
      await breather.breathe();
      if (taken && relative !== '') found.push(text(relative));
    }
    return found;
  }

  async size(root: string): Promise<number> {
    const breather = new Breather();
    const seen = new Set<string>();
    let bytesOnDisk = 0;
    for (const { stats } of walk(bytes(root), '', {})) {
      await breather.breathe();
      const inode = `${stats.dev}:${stats.ino}`;
      if (stats.nlink > 1 && !stats.isDirectory()) {
        if (seen.has(inode)) continue;
        seen.add(inode);
      }
      bytesOnDisk += stats.blocks * 512;
    }
    return bytesOnDisk;
  }

  async digest(place: Place, options: Parameters<FileTrees['digest']>[1]): Promise<string> {
    const tree = await this.#archived(place);
    if (tree?.stat(place.path) !== undefined) return tree.digest(place.path, options);
    const path = existing(place);
    const lasts = options.lasts === true && !place.root.startsWith(`${this.#folder}/`);
    const known = lasts ? this.#known : undefined;
    return digestOf(path, below(place, path), options, { workers: this.#workers, known });
  }

  async copy(source: Place, target: WritablePlace, rules: CopyRules): Promise<void> {
    const tree = await this.#archived(source);
    const into = (): TargetFolders => new TargetFolders(targetOf(target, newFolder(rules)), target, rules);
    if (tree?.stat(source.path) !== undefined) {
      await this.#archives.copy(tree, source.path, into(), rules);
      return;
    }
    const from = existing(source);
    await copyTree(from, below(source, from), into(), rules, (items) => this.#workers.extract(items));
  }

  makeFolder(place: Place, owner: Owner, mode?: number): Promise<void> {
    const path = targetOf(place, owner);
    const there = lstatOrUndefined(path);
    if (there === undefined) {
      makeFolderAt(path, owner);
      if (mode !== undefined) chmodSync(raw(path), mode);
    } else if (!there.isDirectory())
      throw invalid('copy-onto-file', `cannot make the folder '${place.path}': a file is there`);
    return Promise.resolve();
  }

  writeFile(
    place: Place,
    content: string,
    { owner, mode, folderMode }: Parameters<FileTrees['writeFile']>[2],
  ): Promise<void> {
    const path = targetOf(place, newFolder({ owner, ...(folderMode !== undefined && { folderMode }) }));
    if (lstatOrUndefined(path)?.isDirectory() === true)
      throw invalid('copy-onto-folder', `cannot overwrite directory with non-directory: ${place.path}`);
    rmSync(raw(path), { force: true });
    writeFileSync(raw(path), content, { flag: 'wx' });
    lchownSync(raw(path), owner.uid, owner.gid);
    chmodSync(raw(path), mode);
    return Promise.resolve();
  }

  removeEmpty(place: Place): Promise<void> {
    const path = resolveInRoot(bytes(place.root), bytes(place.path), { followLast: false });
    const found = lstatOrUndefined(path);
    if (found?.isFile() === true && found.size === 0) rmSync(raw(path));
    if (found?.isDirectory() === true && readdirSync(raw(path)).length === 0) rmdirSync(raw(path));
    return Promise.resolve();
  }

  async isArchive(place: Place): Promise<boolean> {
    await this.settle(place.root);
    return beginsWithTar(createReadStream(raw(existing(place))));
  }

  async unpack(tar: Readable, place: Place, rules: Pick<CopyRules, 'owner' | 'signal'> = {}): Promise<void> {
    await this.makeFolder(place, rules.owner ?? rootOwner);
    await unpackTar(tar, bytes(place.root), bytes(place.path), rules);
  }

  async unpackFile(
    archive: Place,
    place: Place,
    rules: Pick<CopyRules, 'owner' | 'signal'> = {},
  ): Promise<void> {
    await this.settle(archive.root);
    return this.unpack(createReadStream(raw(existing(archive))), place, rules);
  }

  download(url: URL, place: Place, options: { checksum?: string; signal: AbortSignal }): Promise<void> {
    return fetchFile(url, text(targetOf(place, rootOwner)), options);
  }

  /** Where the place's files lie in an archive that tells what is there; with links in the way they are unpacked. */
  async #archived({ root, path }: Place): Promise<ArchivedTree | undefined> {
    const tree = this.#archives.of(root);
    if (tree?.tells(path) !== false) return tree;
    await this.settle(root);
    return undefined;
  }
}

function tooLarge(path: string, size: number): Error {
  return invalid('file-too-large', `'${path}' has ${size} bytes; at most ${largestText} are read`);
}

function kindOf(stats: Stats): FileFacts['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

function readArchived(tree: ArchivedTree, path: string): string | undefined {
  const entry = tree.file(path);
  if (entry === undefined) return undefined;
  if (entry.size > largestText) throw tooLarge(path, entry.size);
  return readPiece(tree.archive, entry).toString('utf8');
}

/** Absolute path of a place, links followed to the end. */
function locate(place: Place): string {
  return resolveInRoot(bytes(place.root), bytes(place.path), { followLast: true });
}

function existing(place: Place): string {
  const path = locate(place);
  if (lstatOrUndefined(path) !== undefined) return path;
  throw notFound('file-missing', `stat ${place.path}: file does not exist`);
}

// The root may itself be reached by a symbolic link; what counts is the path below it.
function below(place: Place, path: string): string {
  return text(path.slice(bytes(place.root).length + 1));
}

function targetOf(place: Place, make: NewFolder): string {
  const root = bytes(place.root);
  if (!statSync(raw(root)).isDirectory()) throw invalid('copy-onto-file', `'${place.root}' is no folder`);
  return resolveInRoot(root, bytes(place.path), { followLast: true, make });
}
