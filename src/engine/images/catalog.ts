import { notFound } from '#base/errors.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { familiarName, formatReference, parseReference, type Reference } from '#domain/image/reference.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** The images by id, tag and digest: in memory, written through. Every change is one transaction. */
export class Catalog {
  readonly #state: StateStore;
  readonly #documents: Collection<Image>;
  readonly #images = new Map<Digest, Image>();
  readonly #tags = new Map<string, Digest>();

  constructor(state: StateStore) {
    this.#state = state;
    this.#documents = state.collection<Image>('images');
    for (const [, image] of this.#documents.entries()) this.#remember(image);
  }

  all(): Image[] {
    return [...this.#images.values()];
  }

  byId(id: Digest): Image | undefined {
    return this.#images.get(id);
  }

  /** `full` as in Image.tags. */
  byTag(full: string): Image | undefined {
    const id = this.#tags.get(full);
    return id === undefined ? undefined : this.#images.get(id);
  }

  /** By id, tag, digest or unambiguous start of an id. */
  find(name: string): Image | undefined {
    const id = name.startsWith('sha256:') ? name : `sha256:${name}`;
    if (isDigest(id)) return this.#images.get(id);
    return this.#byReference(name) ?? this.#byPrefix(id);
  }

  /** @throws not-found `image-missing` */
  get(name: string): Image {
    const image = this.find(name);
    if (image === undefined) throw imageMissing(name);
    return image;
  }

  children(id: Digest): Image[] {
    return this.all().filter((image) => image.parent === id);
  }

  /**
   * Adds an image, or its tags and digests to the one that is there, and moves its tags to it. The
   * layers and the manifest of the one that is there stay.
   */
  record(image: Image): Image {
    const before = this.#images.get(image.id);
    const merged: Image = {
      ...(before ?? image),
      tags: sorted([...(before?.tags ?? []), ...image.tags]),
      repoDigests: sorted([...(before?.repoDigests ?? []), ...image.repoDigests]),
    };
    this.#save([...this.#losers(image), merged]);
    return merged;
  }

  /** Moves a tag to an image. */
  tag(image: Image, full: string): Image {
    return this.record({ ...image, tags: [full], repoDigests: [] });
  }

  /** Takes tags and digests away from an image. */
  untag(image: Image, names: string[]): Image {
    const rest: Image = {
      ...image,
      tags: image.tags.filter((tag) => !names.includes(tag)),
      repoDigests: image.repoDigests.filter((digest) => !names.includes(digest)),
    };
    this.#save([rest]);
    for (const name of names) this.#tags.delete(name);
    return rest;
  }

  delete(image: Image): void {
    this.#documents.delete(image.id);
    for (const tag of image.tags) this.#tags.delete(tag);
    this.#images.delete(image.id);
  }

  #byReference(name: string): Image | undefined {
    const reference = referenceOrUndefined(name);
    if (reference === undefined) return undefined;
    const { tag, digest, ...rest } = reference;
    if (digest === undefined) return this.byTag(formatReference(tag === undefined ? rest : { ...rest, tag }));
    const full = formatReference({ ...rest, digest });
    return this.all().find((image) => image.repoDigests.includes(full));
  }

  #byPrefix(id: string): Image | undefined {
    if (!/^sha256:[0-9a-f]{1,63}$/.test(id)) return undefined;
    const [only, ...others] = this.all().filter((image) => image.id.startsWith(id));
    return others.length === 0 ? only : undefined;
  }

  /** The other images that have tags of this one, without them. */
  #losers({ id, tags }: Image): Image[] {
    const holders = new Set(tags.flatMap((tag) => this.byTag(tag) ?? []));
    return [...holders]
      .filter((holder) => holder.id !== id)
      .map((holder) => ({ ...holder, tags: holder.tags.filter((tag) => !tags.includes(tag)) }));
  }

  /** Memory follows what was saved: a transaction that fails, as on a full disk, leaves both as they were. */
  #save(images: Image[]): void {
    this.#state.transaction(() => {
      for (const image of images) this.#documents.put(image.id, image);
    });
    for (const image of images) this.#remember(image);
  }

  #remember(image: Image): void {
    this.#images.set(image.id, image);
    for (const tag of image.tags) this.#tags.set(tag, image.id);
  }
}

export function imageMissing(name: string): Error {
  const reference = referenceOrUndefined(name);
  const shown = reference === undefined ? name : familiarName(formatReference(reference));
  return notFound('image-missing', `No such image: ${shown}`);
}

function referenceOrUndefined(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

function sorted(names: string[]): string[] {
  return [...new Set(names)].sort();
}
