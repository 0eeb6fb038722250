import { conflict, invalid } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { imageFor } from '#domain/image/image-index.ts';
import type { Platform } from '#domain/image/manifest.ts';
import {
  familiarName,
  formatReference,
  parseReference,
  repositoryOf,
  type Reference,
} from '#domain/image/reference.ts';
import type { ImageUser, RemovedImage } from '#engine/contracts.ts';
import { imageMissing } from '#engine/images/catalog.ts';
import { partsOf } from '#engine/images/collector.ts';
import type { Parts } from '#engine/images/parts.ts';

type Users = (imageId: string) => ImageUser[];

export interface RemoveOptions {
  force: boolean;
  prune: boolean;
  /** Only the images for these. */
  platforms?: readonly Platform[];
}

/**
 * `docker rmi`, with Docker's rules: a name is taken off, and the image goes with its last name unless a
 * container uses it; by id it must have names in one repository only, or `force`. `prune`: parents of the
 * classic builder that nothing else needs go too.
 */
export async function removeImage(
  parts: Parts,
  users: Users,
  name: string,
  options: RemoveOptions,
): Promise<RemovedImage[]> {
  const { platforms = [] } = options;
  const removal = new Removal(parts, users);
  // Without the image nobody could make its layers anew for the containers that stand upon them, were a power cut to take them.
  if (options.force && removal.isUsed(name)) await parts.snapshots.persist();
  if (platforms.length > 0) {
    if (!options.force) throw notForced();
    for (const platform of platforms) await removal.ofPlatform(name, platform);
    return removal.report;
  }
  const image = parts.catalog.get(name);
  if (isIdOf(image, name)) await removal.byId(image, options);
  else await removal.byName(image, name, options);
  return removal.report;
}

/** An image without names that nobody uses and none is built upon, with its parents. */
export async function removeNameless(parts: Parts, users: Users, image: Image): Promise<RemovedImage[]> {
  const removal = new Removal(parts, users);
  await removal.nameless(image);
  return removal.report;
}

function notForced(): Error {
  return invalid(
    'force-missing',
    'Content will be removed from all images referencing this variant. Use —-force to force delete.',
  );
}

function isIdOf(image: Image, name: string): boolean {
  return (
    isDigest(name) ||
    image.id.startsWith(name) ||
    (/^[0-9a-f]+$/.test(name) && image.id.startsWith(`sha256:${name}`))
  );
}

class Removal {
  readonly #parts: Parts;
  readonly #users: Users;
  readonly report: RemovedImage[] = [];

  constructor(parts: Parts, users: Users) {
    this.#parts = parts;
    this.#users = users;
  }

  isUsed(name: string): boolean {
    return this.#usersOf(this.#parts.catalog.get(name), name).length > 0;
  }

  async byName(image: Image, name: string, options: RemoveOptions): Promise<void> {
    const full = this.#nameOn(image, name);
    const user = this.#usersOf(image, name)[0];
    if (!options.force && user !== undefined && isSingleReference(image))
      throw conflict(
        'image-in-use',
        `conflict: unable to remove repository reference "${name}" (must force) - ` +
          `${words(user)} is using its referenced image ${shortId(image.id)}`,
      );
    let rest = this.#untag(image, [full]);
    const repository = repositoryIn(full);
    if (!full.includes('@') && !rest.tags.some((tag) => repositoryIn(tag) === repository))
      rest = this.#untag(
        rest,
        rest.repoDigests.filter((digest) => repositoryIn(digest) === repository),
        false,
      );
    if (rest.tags.length + rest.repoDigests.length > 0) return;
    await this.#delete(rest, { ...options, quiet: true });
  }

  /** Of a name for several platforms: the image of one of them goes, and another carries the names. */
  async ofPlatform(name: string, platform: Platform): Promise<void> {
    const { catalog } = this.#parts;
    const image = catalog.get(name, platform);
    const index = catalog.indexOf(name);
    const others = index === undefined ? [] : catalog.imagesOf(index).filter(({ id }) => id !== image.id);
    if (index === undefined || others.length === 0) {
      await this.#delete(image, { force: true, prune: true, quiet: false });
      return;
    }
    const refusal = this.#refusal(image, true);
    if (refusal !== undefined) throw refusal;
    const next = imageFor(index, others, this.#parts.platform) ?? others[0];
    if (next !== undefined && index.names.includes(image.id))
      catalog.record({ ...next, tags: [], repoDigests: [] }, index);
    await this.#remove(catalog.get(image.id));
  }

  async nameless(image: Image): Promise<void> {
    await this.#delete(image, { force: false, prune: true, quiet: true });
  }

  async byId(image: Image, options: RemoveOptions): Promise<void> {
    if (!isSingleReference(image) && !options.force)
      throw unable(image, 'must be forced', 'image is referenced in multiple repositories');
    await this.#delete(image, { ...options, quiet: false });
  }

  async #delete(image: Image, options: RemoveOptions & { quiet: boolean }): Promise<void> {
    const refusal = this.#refusal(image, options.force);
    // With its last name gone an image that is still needed stays, nameless, without complaint.
    if (refusal !== undefined && options.quiet) return;
    if (refusal !== undefined) throw refusal;
    await this.#remove(image);
    if (options.prune && image.parent !== undefined) await this.#pruneParent(image.parent);
  }

  async #remove(image: Image): Promise<void> {
    const rest = this.#untag(image, [...image.tags, ...image.repoDigests]);
    const { blobs, snapshots } = partsOf(image);
    const candidates = { blobs: [...blobs, ...this.#parts.catalog.indexes.blobsFor(image.id)], snapshots };
    this.#parts.catalog.delete(rest);
    this.report.push({ Deleted: image.id });
    this.#parts.events.emit('image', 'delete', image.id, { name: image.id });
    for (const chainId of await this.#parts.collector.collect(candidates))
      this.report.push({ Deleted: chainId });
  }

  async #pruneParent(id: NonNullable<Image['parent']>): Promise<void> {
    const parent = this.#parts.catalog.byId(id);
    if (parent === undefined || parent.tags.length + parent.repoDigests.length > 0) return;
    if (this.#parts.catalog.children(id).length > 0 || this.#users(id).length > 0) return;
    if (this.#parts.catalog.parts().has(id)) return;
    await this.#delete(parent, { force: false, prune: true, quiet: true });
  }

  /** Why an image may not go. */
  #refusal(image: Image, force: boolean): Error | undefined {
    if (this.#parts.catalog.children(image.id).length > 0)
      return unable(image, 'cannot be forced', 'image has dependent child images');
    const users = this.#users(image.id);
    const running = users.find((user) => 'running' in user && user.running);
    if (running !== undefined)
      return unable(image, 'cannot be forced', `image is being used by running ${words(running)}`);
    const other = users[0];
    if (other === undefined || force) return undefined;
    const stopped = 'containerId' in other ? 'stopped ' : '';
    return unable(image, 'must be forced', `image is being used by ${stopped}${words(other)}`);
  }

  /** Of all images that a name stands for. */
  #usersOf(image: Image, name: string): ImageUser[] {
    const index = this.#parts.catalog.indexOf(name);
    const images = index === undefined ? [image] : this.#parts.catalog.imagesOf(index);
    return images.flatMap(({ id }) => this.#users(id));
  }

  /** @param isTold of what goes with a name Docker's events say nothing */
  #untag(image: Image, names: string[], isTold = true): Image {
    const rest = this.#parts.catalog.untag(image, names);
    for (const name of names) {
      this.report.push({ Untagged: familiarName(name) });
      if (isTold) this.#parts.events.emit('image', 'untag', image.id, { name: image.id });
    }
    return rest;
  }

  /** The name in full as the image carries it. */
  #nameOn(image: Image, name: string): string {
    const { tag, digest, ...repository } = parseReference(name);
    const wanted: Reference =
      digest === undefined
        ? { ...repository, ...(tag === undefined ? {} : { tag }) }
        : { ...repository, digest };
    const full = formatReference(wanted);
    if (image.tags.includes(full) || image.repoDigests.includes(full)) return full;
    throw imageMissing(name);
  }
}

function words(user: ImageUser): string {
  return 'holder' in user ? user.holder : `container ${shortId(user.containerId)}`;
}

function unable(image: Image, force: string, why: string): Error {
  return conflict('image-in-use', `conflict: unable to delete ${shortId(image.id)} (${force}) - ${why}`);
}

/** `docker.io/library/redis` of `docker.io/library/redis:7`. */
function repositoryIn(full: string): string {
  return repositoryOf(parseReference(full));
}

/** At most one tag, and everything in one repository. */
function isSingleReference(image: Image): boolean {
  const repositories = new Set([...image.tags, ...image.repoDigests].map(repositoryIn));
  return repositories.size <= 1 && image.tags.length <= 1;
}
