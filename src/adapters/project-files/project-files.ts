import { createHash, type Hash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, opendir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limitedBytes } from '#base/bytes.ts';
import { invalid, messageOf, notFound, systemCode } from '#base/errors.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import { FileDigests } from './file-digests.ts';

const largestText = 4 * 1024 * 1024;

export class LocalProjectFiles implements ProjectFiles {
  readonly #digests = new FileDigests();

  async readText(path: string): Promise<string | undefined> {
    return (await this.readBytes(path))?.toString('utf8');
  }

  async readBytes(path: string): Promise<Buffer | undefined> {
    try {
      return await content(path);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw invalid('project-file-unreadable', `cannot read '${path}': ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  async fingerprint(folder: string): Promise<string> {
    const hash = createHash('sha256');
    try {
      await this.#addFolder(hash, folder, '');
    } catch (error) {
      throw notFound('project-folder-missing', `cannot read the folder '${folder}': ${messageOf(error)}`, {
        cause: error,
      });
    }
    return hash.digest('hex');
  }

  async #addFolder(hash: Hash, root: string, relative: string): Promise<void> {
    const names: string[] = [];
    for await (const entry of await opendir(join(root, relative))) names.push(entry.name);
    for (const name of names.sort()) {
      const path = join(relative, name);
      const info = await lstat(join(root, path), { bigint: true });
      const content = await this.#content(join(root, path), info);
      hash.update(`${path}\0${info.mode} ${info.uid} ${info.gid} ${content}\n`);
      if (info.isDirectory()) await this.#addFolder(hash, root, path);
    }
  }

  async #content(path: string, info: BigIntStats): Promise<string> {
    if (info.isSymbolicLink()) return readlink(path);
    return info.isFile() ? this.#digests.of(path, info) : '';
  }
}

/** A device or a pipe may have no end, and a pipe nobody who writes to it: neither is waited for. */
async function content(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const source: AsyncIterable<Uint8Array> = file.createReadStream();
  const tooMuch = (): Error => new Error(`it has more than the ${largestText} bytes that are allowed`);
  return Buffer.from(await limitedBytes(source, largestText, tooMuch));
}
