import { constants, type Stats } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { bytes, raw } from '#adapters/files/byte-path.ts';
import { ifThere } from '#adapters/files/if-there.ts';
import { memberOf, typeOf } from '#adapters/files/member.ts';
import { messageOf } from '#base/errors.ts';
import { paddingOf } from '#domain/archive/tar-entry.ts';
import { encodeHeader, tarEnd } from '#domain/archive/tar-writer.ts';
import type { PackedPath, PackListener } from '#ports/working-tree.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const chunkSize = 1024 * 1024;

/** A tar of the very paths; what cannot be read is told and left out. */
export function packPaths(paths: readonly PackedPath[], listener: PackListener): Readable {
  return Readable.from(members(paths, listener), { objectMode: false });
}

async function* members(
  paths: readonly PackedPath[],
  listener: PackListener,
): AsyncGenerator<Uint8Array, void> {
  for (const one of paths) {
    try {
      const stats = await ifThere(lstat(one.path));
      if (stats === undefined) continue;
      const isFolder = stats.isDirectory();
      if (isFolder && one.isFrame) continue;
      if (stats.isFile()) yield* packFile(one);
      else yield header(one, stats);
      if (!isFolder) listener.packed(one.path);
    } catch (error) {
      listener.problem(one.path, messageOf(error));
    }
  }
  yield tarEnd;
}

function header({ path, name }: PackedPath, stats: Stats): Uint8Array {
  const type = typeOf(stats);
  if (type !== 'directory' && type !== 'symlink')
    throw new Error('it is a pipe, a socket or a device: only files, folders and links are copied');
  return encodeHeader(
    memberOf(bytes(type === 'directory' ? `${name}/` : name), type, stats, raw(bytes(path))),
  );
}

/** Nothing is sent before the first bytes were read: from then on the member must be complete. */
async function* packFile({ path, name }: PackedPath): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stats = await file.stat();
    const first = await readAt(file, 0, chunkSize);
    const member = memberOf(bytes(name), 'file', stats, raw(bytes(path)));
    // What fits into one read has the size that was read, whatever happens to the file meanwhile.
    const size = first.length < chunkSize ? first.length : Math.max(stats.size, first.length);
    yield encodeHeader(Object.assign(member, { size }));
    yield first;
    for (let done = first.length; done < size;) {
      const chunk = await readAt(file, done, Math.min(chunkSize, size - done));
      // It became shorter: its next event brings it again.
      yield chunk.length === 0 ? Buffer.alloc(Math.min(chunkSize, size - done)) : chunk;
      done += chunk.length === 0 ? Math.min(chunkSize, size - done) : chunk.length;
    }
    yield new Uint8Array(paddingOf(size));
  } finally {
    await file.close();
  }
}

/** Up to `length` bytes, fewer only at the end of the file. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const chunk = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(chunk, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return chunk.subarray(0, done);
}
