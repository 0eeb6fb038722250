import { isDigest, type Digest } from '#domain/image/digest.ts';
import {
  blobsOfAttachments,
  type Attachment,
  type ImageIndex,
  type NewIndex,
} from '#domain/image/image-index.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/**
 * The indexes that names stand for: in memory, written through by the catalog in its transactions. One that no name
 * stands for any more stays written until what it held has gone (`sweeping.ts`).
 */
export class IndexCatalog {
  readonly #documents: Collection<ImageIndex>;
  readonly #indexes = new Map<Digest, ImageIndex>();
  readonly #names = new Map<string, Digest>();

  constructor(state: StateStore) {
    this.#documents = state.collection<ImageIndex>('image-indexes');
    this.remember(this.#documents.entries().map(([, index]) => index));
  }

  /** Those that names stand for. */
  all(): ImageIndex[] {
    return [...this.#indexes.values()].filter(({ names }) => names.length > 0);
  }

  /** Those that no name stands for any more. */
  nameless(): ImageIndex[] {
    return [...this.#indexes.values()].filter(({ names }) => names.length === 0);
  }

  byDigest(digest: Digest): ImageIndex | undefined {
    return this.#indexes.get(digest);
  }

  /** `name` as in ImageIndex.names. */
  byName(name: string): ImageIndex | undefined {
    const digest = this.#names.get(name);
    return digest === undefined ? undefined : this.#indexes.get(digest);
  }

  /** What changes when names stand for `target` from now on; for no index where it is undefined. */
  moved(names: readonly string[], target?: NewIndex): ImageIndex[] {
    const others = [...this.#indexes.values()].filter(
      (index) => index.digest !== target?.digest && index.names.some((name) => names.includes(name)),
    );
    const left = others.map((index) => ({ ...index, names: without(index.names, names) }));
    return target === undefined ? left : [...left, this.#joined(target, names)];
  }

  /** What changes when an image is gone. */
  left(id: Digest, names: readonly string[]): ImageIndex[] {
    const changed = new Map(this.moved([...names, id]).map((index) => [index.digest, index]));
    for (const index of this.#indexes.values())
      if (Object.values(index.images).includes(id)) {
        const images = Object.entries(index.images).filter(([, each]) => each !== id);
        const latest = changed.get(index.digest) ?? index;
        const own = attachedFor(index, id);
        const attachments = index.attachments.filter((each) => !own.includes(each));
        changed.set(index.digest, { ...latest, images: Object.fromEntries(images), attachments });
      }
    return [...changed.values()];
  }

  /** What the manifests that indexes have of an image beside its own consist of: it goes with the image. */
  blobsFor(id: Digest): Digest[] {
    return [...this.#indexes.values()].flatMap((index) => blobsOfAttachments(attachedFor(index, id)));
  }

  /** Within a transaction; `remember` follows it. */
  write(changes: readonly ImageIndex[]): void {
    for (const index of changes) this.#documents.put(index.digest, index);
  }

  remember(changes: readonly ImageIndex[]): void {
    for (const { digest } of changes)
      for (const name of this.#indexes.get(digest)?.names ?? [])
        if (this.#names.get(name) === digest) this.#names.delete(name);
    for (const index of changes) {
      this.#indexes.set(index.digest, index);
      for (const name of index.names) this.#names.set(name, index.digest);
    }
  }

  /** Once what a nameless index held has gone. One that comes back after a power cut is swept again. */
  forget(digest: Digest): void {
    this.#documents.drop([digest]);
    this.#indexes.delete(digest);
  }

  /** As it was, with what has come: of the ids among its names only the new one stays. */
  #joined(target: NewIndex, names: readonly string[]): ImageIndex {
    const before = this.#indexes.get(target.digest);
    const attachments = new Map(
      [...(before?.attachments ?? []), ...target.attachments].map((each) => [each.digest, each]),
    );
    return {
      ...target,
      images: { ...before?.images, ...target.images },
      attachments: [...attachments.values()],
      names: [...new Set([...(before?.names ?? []).filter((name) => !isDigest(name)), ...names])].sort(),
    };
  }
}

function attachedFor({ images, attachments }: ImageIndex, id: Digest): Attachment[] {
  return attachments.filter(({ digest }) => images[digest] === id);
}

function without(names: readonly string[], gone: readonly string[]): string[] {
  return names.filter((name) => !gone.includes(name));
}
