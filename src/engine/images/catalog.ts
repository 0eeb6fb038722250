import { notFound } from '#base/errors.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { imageFor, manifestIn, type ImageIndex, type NewIndex } from '#domain/image/image-index.ts';
import type { Platform } from '#domain/image/manifest.ts';
import { formatPlatform, matchesPlatform } from '#domain/image/platform.ts';
import {
  familiarName,
  formatReference,
  parseReference,
  referenceOrUndefined,
} from '#domain/image/reference.ts';
import { IndexCatalog } from '#engine/images/index-catalog.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/**
 * The images by id, tag and digest: in memory, written through. Every change is one transaction. A name that stands for an
 * index is carried by one image of it: this machine's, where that is here.
 */
export class Catalog {
  readonly indexes: IndexCatalog;
  readonly #state: StateStore;
  readonly #documents: Collection<Image>;
  readonly #images = new Map<Digest, Image>();
  readonly #tags = new Map<string, Digest>();

  constructor(state: StateStore) {
    this.#state = state;
    this.indexes = new IndexCatalog(state);
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

  /**
   * By id, tag, digest (of the index or manifest, too) or unambiguous start of an id. @param wanted where the name stands for
   * several platforms; an image of another one is not found
   */
  find(name: string, wanted?: Platform): Image | undefined {
    const image = this.#named(name);
    if (image === undefined || wanted === undefined) return image;
    const index = this.indexOf(name);
    const other = index === undefined ? undefined : imageFor(index, this.imagesOf(index), wanted);
    return other ?? (matchesPlatform(image.config, wanted) ? image : undefined);
  }

  /** @throws not-found `image-missing`; `platform-missing` where it is here for others than the wanted one */
  get(name: string, wanted?: Platform): Image {
    const image = this.find(name, wanted);
    if (image !== undefined) return image;
    if (wanted === undefined || this.#named(name) === undefined) throw imageMissing(name);
    throw notFound(
      'platform-missing',
      `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
    );
  }

  /** The index that a name stands for. An id stands for the one that the image came with last. */
  indexOf(name: string): ImageIndex | undefined {
    const image = this.#named(name);
    if (image === undefined) return undefined;
    if (isDigest(name) && name !== image.id) return this.indexes.byDigest(name);
    const full = fullName(name);
    const isNamed = full !== undefined && [...image.tags, ...image.repoDigests].includes(full);
    return this.indexes.byName(isNamed ? full : image.id);
  }

  /** The digest of an image's manifest as a name has it. */
  manifestOf(name: string, image: Image): Digest {
    const index = this.indexOf(name);
    return index === undefined ? image.manifestDigest : manifestIn(index, image);
  }

  /** Where registries have an image: by its own names, and by those of the indexes that it is a part of. */
  repoDigestsOf({ id, repoDigests }: Image): string[] {
    const holders = this.indexes.all().filter(({ images }) => Object.values(images).includes(id));
    const others = holders.flatMap(({ names }) => names.filter((name) => name.includes('@')));
    return sorted([...repoDigests, ...others]);
  }

  /** The images of an index that are here. */
  imagesOf({ images }: NewIndex): Image[] {
    return Object.values(images).flatMap((id) => this.#images.get(id) ?? []);
  }

  /** The ids of images that are here for the sake of an index only: they go with it. */
  parts(): Set<Digest> {
    const indexes = this.indexes.all();
    const parts = new Set(indexes.flatMap(({ images }) => Object.values(images)));
    for (const { names } of indexes) for (const name of names) if (isDigest(name)) parts.delete(name);
    for (const id of [...parts]) {
      const { tags = [], repoDigests = [] } = this.#images.get(id) ?? {};
      if (tags.length + repoDigests.length > 0) parts.delete(id);
    }
    return parts;
  }

  #named(name: string): Image | undefined {
    const id = name.startsWith('sha256:') ? name : `sha256:${name}`;
    if (isDigest(id)) return this.#images.get(id) ?? this.#byManifest(id);
    return this.#byReference(name) ?? this.#byPrefix(id);
  }

  #byManifest(digest: Digest): Image | undefined {
    const names = this.indexes.byDigest(digest)?.names ?? [];
    const [holder] = names.flatMap((name) => (isDigest(name) ? (this.#images.get(name) ?? []) : []));
    return holder ?? this.all().find(({ manifestDigest }) => manifestDigest === digest);
  }

  children(id: Digest): Image[] {
    return this.all().filter((image) => image.parent === id);
  }

  /**
   * Adds an image, or its tags and digests to the one that is there, and moves these to it. The
   * layers and the manifest of the one that is there stay.
   * @param index what the names, and all that stood for it before, stand for from now on, by this image of it
   */
  record(image: Image, index?: NewIndex): Image {
    const before = this.#images.get(image.id);
    const kept = index === undefined ? [] : (this.indexes.byDigest(index.digest)?.names ?? []);
    const tags = [...image.tags, ...kept.filter(isTag)];
    const repoDigests = [...image.repoDigests, ...kept.filter((name) => name.includes('@'))];
    const merged: Image = {
      ...(before ?? image),
      tags: sorted([...(before?.tags ?? []), ...tags]),
      repoDigests: sorted([...(before?.repoDigests ?? []), ...repoDigests]),
    };
    const names = [...tags, ...repoDigests];
    const moved = this.indexes.moved(index === undefined ? names : [...names, image.id], index);
    this.#save([...this.#losers(image.id, names), merged], moved);
    return merged;
  }

  /** Moves a tag to an image, or to the index that it is of. */
  tag(image: Image, full: string, index?: NewIndex): Image {
    return this.record({ ...image, tags: [full], repoDigests: [] }, index);
  }

  /** Takes tags and digests away from an image. */
  untag(image: Image, names: string[]): Image {
    const rest: Image = {
      ...image,
      tags: image.tags.filter((tag) => !names.includes(tag)),
      repoDigests: image.repoDigests.filter((digest) => !names.includes(digest)),
    };
    this.#save([rest], this.indexes.moved(names));
    for (const name of names) this.#tags.delete(name);
    return rest;
  }

  delete(image: Image): void {
    const left = this.indexes.left(image.id, [...image.tags, ...image.repoDigests]);
    this.#state.transaction(() => {
      this.#documents.delete(image.id);
      this.indexes.write(left);
    });
    this.indexes.remember(left);
    for (const tag of image.tags) this.#tags.delete(tag);
    this.#images.delete(image.id);
  }

  #byReference(name: string): Image | undefined {
    const full = fullName(name);
    if (full === undefined) return undefined;
    if (!full.includes('@')) return this.byTag(full);
    return this.all().find((image) => image.repoDigests.includes(full));
  }

  #byPrefix(id: string): Image | undefined {
    if (!/^sha256:[0-9a-f]{1,63}$/.test(id)) return undefined;
    const [only, ...others] = this.all().filter((image) => image.id.startsWith(id));
    return others.length === 0 ? only : undefined;
  }

  /** The other images that have these names, without them. */
  #losers(id: Digest, names: readonly string[]): Image[] {
    // As with each step of a build.
    if (names.length === 0) return [];
    const isOther = (name: string): boolean => !names.includes(name);
    return this.all()
      .filter((image) => image.id !== id && ![...image.tags, ...image.repoDigests].every(isOther))
      .map((image) => ({
        ...image,
        tags: image.tags.filter(isOther),
        repoDigests: image.repoDigests.filter(isOther),
      }));
  }

  /** Memory follows what was saved: a transaction that fails, as on a full disk, leaves both as they were. */
  #save(images: Image[], indexes: ImageIndex[]): void {
    this.#state.transaction(() => {
      for (const image of images) this.#documents.put(image.id, image);
      this.indexes.write(indexes);
    });
    for (const image of images) this.#remember(image);
    this.indexes.remember(indexes);
  }

  #remember(image: Image): void {
    this.#images.set(image.id, image);
    for (const tag of image.tags) this.#tags.set(tag, image.id);
  }
}

/** @throws invalid `reference-invalid` for what is no name either */
export function imageMissing(name: string): Error {
  return notFound('image-missing', `No such image: ${familiarName(formatReference(parseReference(name)))}`);
}

function fullName(name: string): string | undefined {
  const reference = referenceOrUndefined(name);
  if (reference === undefined) return undefined;
  const { tag, digest, ...rest } = reference;
  if (digest !== undefined) return formatReference({ ...rest, digest });
  return formatReference(tag === undefined ? rest : { ...rest, tag });
}

function isTag(name: string): boolean {
  return !name.includes('@') && !isDigest(name);
}

function sorted(names: string[]): string[] {
  return [...new Set(names)].sort();
}
