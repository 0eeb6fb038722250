import type { ByteReader } from '#base/byte-reader.ts';
import { invalid } from '#base/errors.ts';
import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { LayerLimits } from '#domain/image/layer-limit.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import { measuredReader } from '#engine/images/measured.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Snapshotter, StagedLayer } from '#ports/snapshotter.ts';

/** Layers unpacked at a time. */
const parallel = 3;

/** One layer and where its snapshot stands. */
export interface LayerPlace {
  layer: Descriptor;
  diffId: Digest;
  chainId: Digest;
  parent: Digest | '';
}

/** Puts an image's layers and its config's diff ids together. @throws invalid `image-layers-mismatch` */
export function placesOf(layers: Descriptor[], diffIds: Digest[]): LayerPlace[] {
  if (layers.length !== diffIds.length)
    throw invalid(
      'image-layers-mismatch',
      `reading an image: the manifest has ${layers.length} layers, the config ${diffIds.length}`,
    );
  const chain = chainIds(diffIds);
  return layers.flatMap((layer, i) => {
    const [diffId, chainId] = [diffIds[i], chain[i]];
    return diffId === undefined || chainId === undefined
      ? []
      : [{ layer, diffId, chainId, parent: chain[i - 1] ?? ('' as const) }];
  });
}

/** Brings layers from the blob store into the snapshotter. */
export class Layers {
  readonly #blobs: BlobStore;
  readonly #snapshots: Snapshotter;
  readonly #limits: LayerLimits;
  /** Sizes of layers that somebody unpacks ahead. */
  readonly #claimed = new Set<number>();

  constructor(blobs: BlobStore, snapshots: Snapshotter, limits: LayerLimits) {
    this.#blobs = blobs;
    this.#snapshots = snapshots;
    this.#limits = limits;
  }

  /**
   * Unpacks a layer unless that is done already. `onRead` hears the compressed bytes read so far. Gives
   * the unpacked size.
   * @param from its blob, where that is only on its way into the store
   * @throws as Snapshotter.unpack
   */
  async unpack(place: LayerPlace, onRead?: (bytes: number) => void, from?: ByteReader): Promise<number> {
    const { layer, chainId, parent, diffId } = place;
    if (await this.#snapshots.isCommitted(chainId)) return this.size(chainId);
    const blob = from ?? this.#blobs.reader(layer.digest);
    const seen = onRead === undefined ? blob : measuredReader(blob, onRead);
    const bound = { limits: this.#limits, layer };
    return (await this.#snapshots.unpack(chainId, parent, seen, diffId, bound)).size;
  }

  /**
   * Whether a layer of `size` bytes is worth unpacking ahead: another one of that size is taken for the same, and whoever has claimed
   * that unpacks it. It is the caller's until `release`.
   */
  claim(size: number): boolean {
    if (this.#claimed.has(size)) return false;
    this.#claimed.add(size);
    return true;
  }

  release(size: number): void {
    this.#claimed.delete(size);
  }

  /** Unpacks a packed or plain layer of `size` bytes before it is known where it belongs. @throws as Snapshotter.stage */
  stage(content: ByteReader, size: number): Promise<StagedLayer> {
    return this.#snapshots.stage(content, {
      limits: this.#limits,
      layer: { digest: 'of an archive', size },
    });
  }

  /**
   * Runs `unpack` on several layers, some at a time: their order means nothing to the snapshotter. Gives
   * the sum of their sizes; when one fails, after the others in work have ended, its error.
   */
  async unpackAll(places: LayerPlace[], unpack: (place: LayerPlace) => Promise<number>): Promise<number> {
    const pending = [...places];
    let size = 0;
    const run = async (): Promise<void> => {
      for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
        const bytes = await unpack(next);
        size += bytes;
      }
    };
    const stopped = (error: unknown): never => {
      pending.length = 0;
      throw error;
    };
    const results = await Promise.allSettled(Array.from({ length: parallel }, () => run().catch(stopped)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return size;
  }

  async size(chainId: Digest): Promise<number> {
    const all = await this.#snapshots.listCommitted();
    return all.find((snapshot) => snapshot.chainId === chainId)?.size ?? 0;
  }

  /** The first bytes of a blob, enough to tell its compression. */
  async start(digest: Digest): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await this.#open(digest)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async #open(digest: Digest): Promise<AsyncIterable<Uint8Array>> {
    return this.#blobs.open(digest, { start: 0, end: 5 });
  }
}
