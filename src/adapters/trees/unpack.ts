import type { Readable } from 'node:stream';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { TarParser, type TarListener } from '#domain/archive/tar-parser.ts';
import { BerthError } from '#base/errors.ts';
import type { CopyRules } from '#ports/file-trees.ts';
import { Breather } from '#adapters/files/breather.ts';
import { decompressed } from '#adapters/files/decompress.ts';
import { MemberPaths } from '#adapters/files/private-root.ts';
import { TreeWriter } from '#adapters/files/tree-writer.ts';

/** `root` and `at` are byte strings. @throws invalid `layer-corrupt`, `layer-path-escapes` */
export async function unpackTar(
  tar: Readable,
  root: string,
  at: string,
  { owner, signal }: Pick<CopyRules, 'owner' | 'signal'>,
): Promise<void> {
  const paths = new MemberPaths(root, at, owner);
  const writer = new TreeWriter(paths, owner);
  const parser = new TarParser({
    entry: (entry) => writer.entry(entry, paths.resolve(entry.name)),
    data: (chunk, position) => writer.data(chunk, position),
    end: () => writer.end(),
  });
  const breather = new Breather(signal);
  try {
    for await (const chunk of decompressed(tar, signal)) {
      parser.push(chunk);
      await breather.breathe();
    }
    parser.end();
    writer.finish();
  } finally {
    writer.close();
  }
}

/** Whether a stream, decompressed if need be, begins with a tar header. */
export async function beginsWithTar(source: Readable): Promise<boolean> {
  const seen: TarEntry[] = [];
  const listener: TarListener = {
    entry: (entry) => seen.push(entry),
    data: () => undefined,
    end: () => undefined,
  };
  const parser = new TarParser(listener);
  try {
    for await (const chunk of decompressed(source)) {
      parser.push(chunk);
      if (seen.length > 0) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof BerthError && error.kind === 'invalid') return false;
    throw error;
  }
}
