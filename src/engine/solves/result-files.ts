import { compileGlob } from '#domain/build/glob.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import type { Image } from '#domain/image/image.ts';
import type { ResultFile, ResultFiles as ResultFilesContract } from '#engine/contracts.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import type { RootFiles } from '#ports/root-files.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import { limitedBytes } from '#base/bytes.ts';
import { invalid, notFound } from '#base/errors.ts';

export interface ResultFileParts {
  snapshotter: Pick<Snapshotter, 'view'>;
  rootFiles: Pick<RootFiles, 'stat' | 'pack'>;
  trees: Pick<FileTrees, 'list'>;
}

/** What one answer may carry, in bytes: gRPC's clients take 4 MiB unless told otherwise, BuildKit's 16. */
const longestRead = 16 * 1024 * 1024;

/** How many symbolic links may follow each other, as Linux has it. */
const mostLinks = 40;

/** The files of images, for clients that look into the results of their builds. */
export class ResultFiles implements ResultFilesContract {
  readonly #parts: ResultFileParts;

  constructor(parts: ResultFileParts) {
    this.#parts = parts;
  }

  read(image: Image, path: string, range: { offset: number; length: number }): Promise<Uint8Array> {
    const { snapshotter, rootFiles } = this.#parts;
    return snapshotter.view(image.chainId, async (root) => {
      const { path: found, isFolder } = await this.#find(root, path);
      if (isFolder) throw invalid('path-is-folder', `read ${path}: is a directory`);
      const archive: AsyncIterable<Buffer> = await rootFiles.pack(root, found);
      for await (const { body } of tarMembers(archive)) return await part(body, path, range);
      throw missing(path);
    });
  }

  stat(image: Image, path: string): Promise<ResultFile> {
    return this.#parts.snapshotter.view(image.chainId, (root) => this.#find(root, path));
  }

  list(image: Image, path: string, pattern: string): Promise<ResultFile[]> {
    const { snapshotter, trees } = this.#parts;
    return snapshotter.view(image.chainId, async (root) => {
      const folder = await this.#find(root, path);
      if (!folder.isFolder) throw invalid('path-not-folder', `open ${path}: not a directory`);
      const parent = folder.path.replace(/^\/|\/$/g, '');
      const isChild = (each: string): boolean =>
        each !== '' && each.slice(0, each.lastIndexOf('/') + 1).replace(/\/$/, '') === parent;
      const isOnTheWay = (each: string): boolean => `${parent}/`.startsWith(`${each}/`);
      const paths = await trees.list(root, {
        keeps: (each) => isChild(each) || isOnTheWay(each),
        prunes: true,
      });
      const matches = pattern === '' ? undefined : compileGlob(pattern, { deep: false });
      const names = paths.filter(isChild).map((each) => each.slice(each.lastIndexOf('/') + 1));
      const wanted = names.filter((name) => matches === undefined || matches.test(name));
      return Promise.all(wanted.map((name) => this.#own(root, `${parent}/${name}`)));
    });
  }

  /** As `#own`, symbolic links followed. */
  async #find(root: string, path: string): Promise<ResultFile> {
    let found = await this.#own(root, path);
    for (let links = 0; found.linkTarget !== ''; links++) {
      if (links === mostLinks) throw invalid('path-loops', `stat ${path}: too many links`);
      found = await this.#own(root, found.linkTarget);
    }
    return found;
  }

  /** Of the path itself. @throws not-found `path-missing` */
  async #own(root: string, path: string): Promise<ResultFile> {
    const stat = await this.#parts.rootFiles.stat(root, path === '' || path === '.' ? '/' : path);
    if (stat === undefined) throw missing(path);
    return { ...stat, path };
  }
}

function missing(path: string): Error {
  return notFound('path-missing', `open ${path}: no such file or directory`);
}

/** @throws invalid `file-too-large` */
async function part(
  body: AsyncIterable<Uint8Array>,
  path: string,
  { offset, length }: { offset: number; length: number },
): Promise<Uint8Array> {
  const wanted = length === 0 ? Number.POSITIVE_INFINITY : length;
  return limitedBytes(cut(body, offset, wanted), longestRead, () =>
    invalid('file-too-large', `read ${path}: it has more than ${longestRead} bytes`, {
      hint: 'read it in parts',
    }),
  );
}

async function* cut(
  body: AsyncIterable<Uint8Array>,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of body) {
    const begin = Math.max(0, offset - at);
    const end = Math.min(chunk.length, offset + length - at);
    at += chunk.length;
    if (begin < end) yield chunk.subarray(begin, end);
    if (at >= offset + length) return;
  }
}
