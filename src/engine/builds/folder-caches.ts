import type { Descriptor } from '#domain/image/manifest.ts';
import type { CacheSource, CacheTarget, ClientBlobs } from '#engine/contracts.ts';
import type { LayoutFolders } from '#ports/layout-folders.ts';
import { notFound } from '#base/errors.ts';

type LocalSource = Extract<CacheSource, { kind: 'local' }>;

/** A cache in a folder of this machine, as a client's. @throws not-found `cache-missing`; invalid `layout-invalid` */
export async function sourceInFolder(layouts: LayoutFolders, folder: string): Promise<LocalSource> {
  const digest = await layouts.manifest(folder);
  if (digest === undefined) throw notFound('cache-missing', `there is no cache in ${folder}`);
  return { kind: 'local', digest, blobs: blobsIn(layouts, folder) };
}

/** Where a cache goes in a folder of this machine; `finish` makes it the folder's. */
export function targetInFolder(
  layouts: LayoutFolders,
  { folder, mode }: Extract<CacheTarget, { kind: 'folder' }>,
): { target: Extract<CacheTarget, { kind: 'local' }>; finish: () => Promise<void> } {
  const blobs = blobsIn(layouts, folder);
  let last: Descriptor | undefined;
  const noting: ClientBlobs = {
    ...blobs,
    write: async (blob, content) => {
      await blobs.write(blob, content);
      last = blob;
    },
  };
  return {
    target: { kind: 'local', mode, blobs: noting },
    // The manifest is what was written last.
    finish: async () => {
      if (last !== undefined) await layouts.finish(folder, last);
    },
  };
}

function blobsIn(layouts: LayoutFolders, folder: string): ClientBlobs {
  return {
    read: (digest) => layouts.read(folder, digest),
    write: (blob, content) => layouts.write(folder, blob, content),
  };
}
