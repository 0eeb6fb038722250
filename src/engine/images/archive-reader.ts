import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { BerthError, invalid, messageOf, systemCode } from '#base/errors.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { decompressedAny } from '#engine/images/compression.ts';
import type { BlobInfo, BlobStore } from '#ports/blob-store.ts';

/** Larger ones are no manifest of an image archive. */
const maxDocument = 8 * 1024 * 1024;

/** The files of an archive: those that describe it as text, all others as blobs. */
export interface ArchiveFiles {
  document(name: string): string | undefined;
  /** Follows the links that `docker save` wrote for layers that images share. */
  blob(name: string): BlobInfo | undefined;
}

const documents = new Set(['manifest.json', 'index.json', 'repositories', 'oci-layout']);

/**
 * Reads an image archive (Docker's or OCI's layout, plain or compressed) in one pass: each file goes into
 * the blob store as it comes, because what it is stands at the archive's end.
 * @throws invalid `archive-corrupt`
 */
export async function readArchive(
  archive: Readable,
  blobs: BlobStore,
  onBlob: (blob: BlobInfo) => Promise<void>,
): Promise<ArchiveFiles> {
  const files = new Files();
  try {
    for await (const { entry, body } of tarMembers(await decompressedAny(archive)))
      await files.add(entry, body, blobs, onBlob);
  } catch (error) {
    throw asArchiveError(error);
  }
  return files;
}

class Files implements ArchiveFiles {
  readonly #documents = new Map<string, string>();
  readonly #blobs = new Map<string, BlobInfo>();
  readonly #links = new Map<string, string>();

  async add(
    entry: TarEntry,
    body: AsyncIterable<Uint8Array>,
    blobs: BlobStore,
    onBlob: (blob: BlobInfo) => Promise<void>,
  ): Promise<void> {
    const name = posix.normalize(entry.name);
    if (entry.type === 'symlink')
      this.#links.set(name, posix.normalize(posix.join(posix.dirname(name), entry.linkName)));
    if (entry.type === 'hard-link') this.#links.set(name, posix.normalize(entry.linkName));
    if (entry.type !== 'file') return;
    if (documents.has(name)) {
      if (entry.size > maxDocument)
        throw invalid('archive-corrupt', `reading an image archive: '${name}' has ${entry.size} bytes`);
      this.#documents.set(name, (await buffer(body)).toString('utf8'));
      return;
    }
    const blob = await blobs.write(body);
    await onBlob(blob);
    this.#blobs.set(name, blob);
  }

  document(name: string): string | undefined {
    return this.#documents.get(name);
  }

  blob(name: string): BlobInfo | undefined {
    const plain = posix.normalize(name);
    return this.#blobs.get(this.#links.get(plain) ?? plain);
  }
}

/** What tar and the decompressors say about a bad archive; errors of the disk and of the client stay as they are. */
function asArchiveError(error: unknown): unknown {
  const code = systemCode(error) ?? '';
  const isFormat =
    (error instanceof BerthError && error.code === 'layer-corrupt') || /^(Z_|ZSTD_|ERR_ZSTD)/.test(code);
  if (!isFormat) return error;
  return invalid('archive-corrupt', `reading an image archive: ${messageOf(error)}`, {
    hint: 'the archive is damaged, cut short or not an archive of images',
    cause: error,
  });
}
