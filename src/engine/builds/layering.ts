import type { ByteReader } from '#base/byte-reader.ts';
import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor, type ImageConfig } from '#domain/image/manifest.ts';
import type { BuildRequest, Lease } from '#engine/contracts.ts';
import { together } from '#engine/containers/undo.ts';
import type { LayerJournal } from '#engine/builds/journal.ts';
import { snapshotPrefix, type BuildParts } from '#engine/builds/parts.ts';
import { invalid, systemCode } from '#base/errors.ts';
import { newId } from '#base/ids.ts';

/** What a step put on top of its parent; undefined when it changed no file. */
export interface NewLayer {
  descriptor: Descriptor;
  diffId: Digest;
  chainId: Digest;
  /** Bytes of the unpacked files. */
  size: number;
}

/** Changes a root file system; the id names the step's container. */
export interface LayerWork {
  /** A container sees its root by the ids of the host, where those are remapped. */
  by: 'container' | 'daemon';
  /** It needs nothing of what is below: the layer is made on nothing, and kept under this key of the cache. */
  apart?: string;
  /** `upper`: the folder in which the root keeps what is written, as `FileTrees.copy` takes it. */
  do: (root: string, id: string, upper: string) => Promise<void>;
}

/** Who holds a new layer until an image does, and what its times may be. */
interface Keeping {
  lease: Lease;
  journal: LayerJournal;
  request: Pick<BuildRequest, 'sourceDateEpoch'>;
}

/** A tar of nothing but its end: two blocks of zeros. */
const emptyTar = 1024;

/**
 * Runs `work` on a writable root on top of `parent` and keeps what it changed as a committed layer.
 * Failed: nothing is left but what the journal knows. The id also names the step's container.
 */
export async function makeLayer(
  parts: Pick<BuildParts, 'snapshotter' | 'blobs' | 'report'>,
  keeping: Keeping,
  parent: Image | undefined,
  work: LayerWork,
): Promise<NewLayer | undefined> {
  const { snapshotter } = parts;
  const id = newId();
  const key = `${snapshotPrefix}${id}`;
  await snapshotter.create(key, parent?.chainId ?? '');
  try {
    // A step that is cut off begins anew: nothing waits for the disk before the layer is whole.
    const ids = work.by === 'container' ? 'host' : 'container';
    const root = await snapshotter.mount(key, ids, 'volatile');
    await work.do(root, id, snapshotter.written(key, ids)).catch(refuseUnmapped);
    return await keepLayer(parts, keeping, parent, key);
  } finally {
    await snapshotter.remove(key);
  }
}

/** An owner that has no id on the host, where ids are remapped. */
function refuseUnmapped(error: unknown): never {
  if (systemCode(error) !== 'EOVERFLOW') throw error;
  throw invalid('id-unmapped', 'the owner of a file cannot be mapped to a host ID', { cause: error });
}

async function keepLayer(
  { snapshotter, blobs }: Pick<BuildParts, 'snapshotter' | 'blobs'>,
  keeping: Keeping,
  parent: Image | undefined,
  key: string,
): Promise<NewLayer | undefined> {
  // Unmounting writes out what is dirty: the layer is read meanwhile.
  let size = 0;
  const read = (): ByteReader =>
    snapshotter.diff(key, { epoch: keeping.request.sourceDateEpoch, onSize: (bytes) => (size = bytes) });
  const [written] = await together(blobs.write(read()), snapshotter.unmount(key));
  let blob = written;
  const { lease, journal } = keeping;
  if (blob.size <= emptyTar) return undefined;
  journal.add(blob.digest);
  await lease.hold(blob.digest);
  // Between writing and holding it could have gone with another image that had the same layer.
  if ((await blobs.stat(blob.digest)) === undefined) blob = await blobs.write(read());
  const chainId = chainIds([...(parent?.config.rootfs.diff_ids ?? []), blob.digest]).at(-1) ?? blob.digest;
  journal.add(chainId);
  await lease.hold(chainId);
  if (!(await snapshotter.isCommitted(chainId))) await snapshotter.commit(key, chainId, size);
  return {
    descriptor: { mediaType: mediaTypes.ociLayer, digest: blob.digest, size: blob.size },
    diffId: blob.digest,
    chainId,
    size,
  };
}

export function withLayer(config: ImageConfig, layer: NewLayer | undefined): ImageConfig {
  if (layer === undefined) return config;
  return { ...config, rootfs: { type: 'layers', diff_ids: [...config.rootfs.diff_ids, layer.diffId] } };
}
