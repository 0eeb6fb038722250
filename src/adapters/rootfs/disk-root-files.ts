import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  type Stats,
} from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { Breather } from '#adapters/files/breather.ts';
import { bytes } from '#adapters/files/byte-path.ts';
import { decompressed } from '#adapters/files/decompress.ts';
import { descriptorPath, folderFlags, O_PATH, openIfThere, withRoot } from '#adapters/files/open-in-root.ts';
import { readlinkOf } from '#adapters/linux/libc.ts';
import { removeNamed } from '#adapters/rootfs/remove-tree.ts';
import { LiveTreeWriter, type WriteRules } from '#adapters/rootfs/live-tree-writer.ts';
import { packFolder, packFolders, packNamed } from '#adapters/rootfs/pack-tree.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';
import type { IdMappings } from '#domain/user-namespace/id-mappings.ts';
import type { NamedFolder, PathStat, RootFiles } from '#ports/root-files.ts';
import { invalid, notFound } from '#base/errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

// os.FileMode of Go: the type bits that Docker's clients read.
const goMode = {
  folder: 2 ** 31,
  link: 2 ** 27,
  device: 2 ** 26,
  pipe: 2 ** 25,
  socket: 2 ** 24,
  setuid: 2 ** 23,
  setgid: 2 ** 22,
  character: 2 ** 21,
  sticky: 2 ** 20,
};

/** Root file systems on this machine's disk, in use or not. */
export class DiskRootFiles implements RootFiles {
  readonly #mappings: IdMappings | undefined;

  /** @param mappings from the ids in archives to those on disk; absent: they are the same */
  constructor(mappings?: IdMappings) {
    this.#mappings = mappings;
  }

  stat(root: string, path: string): Promise<PathStat | undefined> {
    return withRoot(root, (at) => {
      const fd = openIfThere(at, bytes(path), O_PATH | (followsLast(path) ? 0 : O_NOFOLLOW));
      if (fd === undefined) return undefined;
      try {
        return statOf(path, fstatSync(fd), fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  pack(root: string, path: string): Promise<Readable> {
    return withRoot(root, (at) => packIn(at, path, this.#mappings));
  }

  packAll(root: string): Readable {
    const folder = openSync(root, O_RDONLY | O_DIRECTORY);
    return streamOf(packFolder(folder, '', this.#mappings), folder);
  }

  packFolders(folders: readonly NamedFolder[], epoch?: number): Readable {
    return Readable.from(packFolders(folders, this.#mappings, epoch), { objectMode: false });
  }

  unpack(root: string, path: string, tar: Readable, rules: Omit<WriteRules, 'mappings'>): Promise<void> {
    return withRoot(root, async (at) => {
      const found = openIfThere(at, bytes(path), O_PATH);
      if (found === undefined) throw missing(path);
      const isFolder = fstatSync(found).isDirectory();
      closeSync(found);
      if (!isFolder) throw invalid('path-not-folder', `extraction point is not a directory: ${path}`);
      await write(at, bytes(path), decompressed(tar), { ...rules, mappings: this.#mappings });
    });
  }

  async remove(root: string, path: string): Promise<boolean> {
    const clean = posix.resolve('/', path);
    if (clean === '/')
      throw invalid('path-is-root', `cannot remove '${path}': it is the whole root file system`);
    return withRoot(root, async (at) => {
      const parent = openIfThere(at, bytes(posix.dirname(clean)), folderFlags);
      if (parent === undefined) return false;
      try {
        return await removeNamed(parent, bytes(posix.basename(clean)), new Breather());
      } finally {
        closeSync(parent);
      }
    });
  }

  copyUp(root: string, path: string, target: string): Promise<void> {
    if (readdirSync(target).length > 0) return Promise.resolve();
    return withRoot(root, async (at) => {
      const source = openIfThere(at, bytes(path), O_RDONLY | O_DIRECTORY);
      if (source === undefined) return;
      try {
        const into = openSync(target, folderFlags);
        try {
          await write(into, '', packFolder(source, ''), { keepKinds: false });
        } finally {
          closeSync(into);
        }
        const { uid, gid, mode } = fstatSync(source);
        chownSync(target, uid, gid);
        chmodSync(target, mode & 0o7777);
      } finally {
        closeSync(source);
      }
    });
  }
}

function packIn(at: number, path: string, mappings: IdMappings | undefined): Readable {
  const named = posix.basename(path);
  if (followsLast(path)) {
    const folder = openIfThere(at, bytes(path), O_RDONLY | O_DIRECTORY);
    if (folder === undefined) throw missing(path);
    const prefix = named === '.' || named === '' ? './' : `${bytes(named)}/`;
    return streamOf(packFolder(folder, prefix, mappings), folder);
  }
  const parent = openIfThere(at, bytes(posix.dirname(path)), folderFlags);
  if (parent === undefined) throw missing(path);
  try {
    lstatSync(descriptorPath(parent, bytes(named)));
  } catch {
    closeSync(parent);
    throw missing(path);
  }
  return streamOf(packNamed(parent, bytes(named), bytes(named), mappings), parent);
}

/** `path/` and `path/.` mean what a link at the end points to. */
function followsLast(path: string): boolean {
  return path === '/' || path.endsWith('/') || path.endsWith('/.');
}

/** @param fd is closed with the stream */
function streamOf(chunks: Generator<Uint8Array>, fd: number): Readable {
  return Readable.from(chunks, { objectMode: false }).once('close', () => closeSync(fd));
}

async function write(
  root: number,
  base: string,
  tar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  rules: WriteRules,
): Promise<void> {
  const writer = new LiveTreeWriter(root, base, rules);
  const parser = new TarParser(writer);
  const breather = new Breather();
  try {
    for await (const chunk of tar) {
      parser.push(chunk);
      await breather.breathe();
    }
    parser.end();
  } finally {
    writer.close();
  }
}

function statOf(path: string, stats: Stats, fd: number): PathStat {
  return {
    name: posix.basename(path) || '/',
    size: stats.size,
    mode: modeOf(stats),
    mtime: stats.mtime.toISOString(),
    linkTarget: stats.isSymbolicLink() ? linkTarget(path, fd) : '',
    isFolder: stats.isDirectory(),
  };
}

function linkTarget(path: string, fd: number): string {
  const target = readlinkOf(fd);
  return target.startsWith('/') ? posix.normalize(target) : posix.join(posix.dirname(path), target);
}

function modeOf(stats: Stats): number {
  const { mode } = stats;
  const kinds: [boolean, number][] = [
    [stats.isDirectory(), goMode.folder],
    [stats.isSymbolicLink(), goMode.link],
    [stats.isBlockDevice(), goMode.device],
    [stats.isCharacterDevice(), goMode.device + goMode.character],
    [stats.isFIFO(), goMode.pipe],
    [stats.isSocket(), goMode.socket],
    [(mode & 0o4000) !== 0, goMode.setuid],
    [(mode & 0o2000) !== 0, goMode.setgid],
    [(mode & 0o1000) !== 0, goMode.sticky],
  ];
  return kinds.reduce((sum, [applies, bit]) => (applies ? sum + bit : sum), mode & 0o777);
}

function missing(path: string): Error {
  return notFound('path-missing', `Could not find the file ${path}`);
}
