import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { encodeHeader, tarEnd, tarEntry } from '#domain/archive/tar-writer.ts';
import type { GrantedFile } from '#domain/app/file-grants.ts';
import type { Containers } from '#engine/contracts.ts';

const block = 512;

/** Puts the files that a container is granted into it, with their folders. @throws as Containers.unpackPath */
export async function placeFiles(
  containers: Pick<Containers, 'unpackPath'>,
  container: string,
  files: readonly GrantedFile[] = [],
): Promise<void> {
  if (files.length === 0) return;
  await containers.unpackPath(container, '/', Readable.from(archive(files)), {
    keepKinds: false,
    copyOwners: true,
  });
}

function* archive(files: readonly GrantedFile[]): Generator<Uint8Array> {
  for (const { target, content, uid, gid, mode } of files) {
    const body = Buffer.from(content);
    yield encodeHeader(tarEntry(posix.relative('/', target), 'file', { uid, gid, mode, size: body.length }));
    yield body;
    yield Buffer.alloc((block - (body.length % block)) % block);
  }
  yield tarEnd;
}
