import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';

export interface PackOptions {
  /** Seconds; no time in the tar is later, and directories have exactly this time. */
  epoch: number;
  /** By absolute path inside the root. A directory that is not kept is there only when something in it is. */
  isKept: (path: string) => boolean;
}

type Entry = Partial<Header> & Pick<Header, 'name'>;

/** Larger files are streamed, smaller ones read whole. */
const streamedSize = 1 << 20;

/** A tree as a tar whose bytes depend only on the tree: entries sorted, ids numeric, times clamped. */
export function packTree(root: string, options: PackOptions): Readable {
  const tar = pack();
  new TreePacker(root, tar, options).run().then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  // tar-stream's streams are streamx's; iterated, they become a Node stream with its back pressure.
  return Readable.from(tar, { objectMode: false }).once('close', () => tar.destroy());
}

class TreePacker {
  readonly #root: string;
  readonly #tar: Pack;
  readonly #options: PackOptions;
  /** Name in the tar of the first entry of each inode with several names. */
  readonly #firstNames = new Map<number, string>();

  constructor(root: string, tar: Pack, options: PackOptions) {
    this.#root = root;
    this.#tar = tar;
    this.#options = options;
  }

  async run(folder = ''): Promise<void> {
    const names = (await readdir(join(this.#root, folder))).sort();
    for (const name of names) await this.#add(folder === '' ? name : `${folder}/${name}`);
  }

  async #add(name: string): Promise<void> {
    const info = await lstat(join(this.#root, name));
    const kept = this.#options.isKept(`/${name}`);
    if (info.isDirectory()) {
      if (!kept && !(await this.#keepsAny(name))) return;
      await this.#entry({ ...this.#header(`${name}/`, info), type: 'directory' });
      await this.run(name);
    } else if (kept) await this.#addFile(name, info);
  }

  async #keepsAny(folder: string): Promise<boolean> {
    for (const entry of await readdir(join(this.#root, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory() ? await this.#keepsAny(name) : this.#options.isKept(`/${name}`)) return true;
    }
    return false;
  }

  async #addFile(name: string, info: Stats): Promise<void> {
    const header = this.#header(name, info);
    if (info.isSymbolicLink()) {
      await this.#entry({ ...header, type: 'symlink', linkname: await readlink(join(this.#root, name)) });
      return;
    }
    if (!info.isFile()) return;
    const first = info.nlink > 1 ? this.#firstNames.get(info.ino) : undefined;
    if (first !== undefined) {
      await this.#entry({ ...header, type: 'link', linkname: first });
      return;
    }
    if (info.nlink > 1) this.#firstNames.set(info.ino, name);
    await this.#content({ ...header, type: 'file', size: info.size }, join(this.#root, name));
  }

  #header(name: string, info: Stats): Entry {
    const seconds = Math.floor(info.mtimeMs / 1000);
    const time = info.isDirectory() ? this.#options.epoch : Math.min(seconds, this.#options.epoch);
    return { name, mode: info.mode & 0o7777, uid: info.uid, gid: info.gid, mtime: new Date(time * 1000) };
  }

  async #content(header: Entry, path: string): Promise<void> {
    if ((header.size ?? 0) <= streamedSize) return this.#entry(header, await readFile(path));
    const done = Promise.withResolvers<undefined>();
    const entry = this.#tar.entry(header, settle(done));
    await Promise.all([pipeline(createReadStream(path), entry), done.promise]);
  }

  async #entry(header: Entry, data?: Buffer): Promise<void> {
    const done = Promise.withResolvers<undefined>();
    if (header.type !== 'file') this.#tar.entry(header, settle(done));
    else this.#tar.entry(header, settle(done)).end(data);
    await done.promise;
  }
}

/** A callback that settles a promise. */
function settle(done: PromiseWithResolvers<undefined>): (error?: Error | null) => void {
  return (error) => {
    if (error) done.reject(error);
    else done.resolve(undefined);
  };
}
