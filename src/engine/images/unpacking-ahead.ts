import type { ByteReader } from '#base/byte-reader.ts';
import { compressionOf } from '#domain/image/compression.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Follower } from '#engine/images/archive-reader.ts';
import type { LayerPlace } from '#engine/images/layers.ts';
import type { Parts } from '#engine/images/parts.ts';
import type { BlobInfo, BlobSource } from '#ports/blob-store.ts';
import type { StagedLayer } from '#ports/snapshotter.ts';

/** Layers unpacked at a time while others still arrive. */
const most = 3;

/**
 * Unpacks layers while their archive still arrives: what they belong to stands at its end. Only ever ahead: a layer that is not
 * taken is gone, one that failed is unpacked again from its blob, and says then what is wrong with it.
 */
export class UnpackingAhead implements AsyncDisposable {
  readonly #parts: Parts;
  /** Sizes of the layers that images here have: another one of that size is taken for the same. */
  readonly #known: Set<number>;
  readonly #staged = new Map<Digest, Promise<StagedLayer | undefined>>();
  readonly #all: Promise<StagedLayer | undefined>[] = [];
  readonly #claimed: number[] = [];
  #underway = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#known = new Set(parts.catalog.all().flatMap(({ layers }) => layers.map(({ size }) => size)));
  }

  /** Whoever unpacks a file of an archive that begins so; undefined: nobody. */
  followerOf(size: number, start: Uint8Array): Follower | undefined {
    if (this.#underway >= most || this.#known.has(size) || !isLayer(start)) return undefined;
    if (!this.#parts.layers.claim(size)) return undefined;
    this.#claimed.push(size);
    return this.#follower(size);
  }

  /** Brings a plain layer into the blob store. */
  async store(tar: BlobSource): Promise<BlobInfo> {
    const follower = this.#follower(Infinity);
    const blob = await this.#parts.blobs.write(tar, {}, (content) => follower.follow(content));
    follower.became(blob.digest);
    return blob;
  }

  /** Has a layer unpacked in its place, from its blob where it was not before. Gives its unpacked size. @throws as Snapshotter.unpack */
  async unpack(place: LayerPlace, onRead?: (bytes: number) => void): Promise<number> {
    const { layer, chainId, parent, diffId } = place;
    const staging = this.#staged.get(layer.digest);
    // Where images share a layer, the second one of them unpacks it for itself.
    this.#staged.delete(layer.digest);
    const staged = await staging;
    if (staged === undefined) return this.#parts.layers.unpack(place, onRead);
    const { size } = await staged.place(chainId, parent, diffId);
    onRead?.(layer.size);
    return size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const size of this.#claimed) this.#parts.layers.release(size);
    // What cannot be removed now, the next start tries again.
    await Promise.allSettled(this.#all.map(async (staging) => (await staging)?.[Symbol.asyncDispose]()));
  }

  /** @param size the layer's bytes as they come; Infinity for as many as there are */
  #follower(size: number): Follower {
    let staging: Promise<StagedLayer | undefined> = Promise.resolve(undefined);
    return {
      follow: (content) => {
        staging = this.#stage(content, size);
        this.#all.push(staging);
      },
      became: (digest) => void this.#staged.set(digest, staging),
    };
  }

  async #stage(content: ByteReader, size: number): Promise<StagedLayer | undefined> {
    this.#underway++;
    try {
      return await this.#parts.layers.stage(content, size);
    } catch {
      return undefined;
    } finally {
      this.#underway--;
    }
  }
}

/** A plain tar, or something packed that may well be one. */
function isLayer(start: Uint8Array): boolean {
  const compression = compressionOf(start);
  if (compression !== 'none') return compression === 'gzip' || compression === 'zstd';
  return Buffer.from(start.subarray(257, 262)).toString('latin1') === 'ustar';
}
