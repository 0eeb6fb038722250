import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { namesIfThere, textIfThere } from '#adapters/files/if-there.ts';
import { makeFolders } from '#adapters/files/make-folders.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import { mediaTypes, type Descriptor, type Index } from '#domain/image/manifest.ts';
import type { LayoutFolders } from '#ports/layout-folders.ts';
import { explainDiskFull } from '#base/disk-full.ts';
import { BerthError, invalid, reasonOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';

const parseIndex: (text: string) => Partial<Index> = JSON.parse;

/** OCI layouts on this machine's disk. Files appear whole: each is written beside its place first. */
export class DiskLayoutFolders implements LayoutFolders {
  async manifest(folder: string): Promise<Digest | undefined> {
    const path = join(folder, 'index.json');
    const text = await textIfThere(path);
    if (text === '') return undefined;
    const digest = firstOf(text)?.digest;
    if (digest === undefined || !isDigest(digest))
      throw invalid('layout-invalid', `${path} names no manifest: required is the index of an OCI layout`);
    return digest;
  }

  async read(folder: string, digest: Digest): Promise<Readable | undefined> {
    const path = pathOf(folder, digest);
    const names = await namesIfThere(dirname(path));
    return names.includes(basename(path)) ? createReadStream(path) : undefined;
  }

  async write(folder: string, { digest }: Descriptor, content: Readable): Promise<void> {
    await makeFolders(join(folder, 'blobs', 'sha256')).catch((thrown: unknown) => {
      const error = explainDiskFull(thrown);
      if (error instanceof BerthError) throw error;
      throw invalid('layout-unwritable', `the folder '${folder}' cannot be made: ${reasonOf(error)}`);
    });
    const path = pathOf(folder, digest);
    const partial = `${path}.${newId()}`;
    try {
      await pipeline(content, createWriteStream(partial));
      await rename(partial, path);
    } finally {
      await rm(partial, { force: true });
    }
  }

  async finish(folder: string, manifest: Descriptor): Promise<void> {
    const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [manifest] };
    await replace(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await replace(join(folder, 'index.json'), JSON.stringify(index));
  }
}

function firstOf(text: string): Descriptor | undefined {
  try {
    return parseIndex(text).manifests?.[0];
  } catch {
    return undefined;
  }
}

function pathOf(folder: string, digest: Digest): string {
  return join(folder, 'blobs', ...digest.split(':'));
}

async function replace(path: string, text: string): Promise<void> {
  const partial = `${path}.${newId()}`;
  await writeFile(partial, text);
  await rename(partial, path);
}
