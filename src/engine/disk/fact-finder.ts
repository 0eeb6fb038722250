import { baseRegistry } from '#domain/base/base-name.ts';
import type { DiskFacts, ImageFacts, RegistryFacts } from '#domain/disk/facts.ts';
import { chainIds } from '#domain/image/chain.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { familiarName, parseReference } from '#domain/image/reference.ts';
import { shortId } from '#base/ids.ts';
import type { DiskParts } from '#engine/disk/parts.ts';
import { standardCollection } from '#engine/registry/registry.ts';

/** A client that pushes may go on with what broke off a moment ago. Milliseconds. */
const uploadPatience = 600_000;

/** What there is, for a plan: from memory and recorded sizes, but for the list of interrupted downloads. */
export class FactFinder {
  readonly #parts: DiskParts;

  constructor(parts: DiskParts) {
    this.#parts = parts;
  }

  /** @param free bytes that can be written */
  async find(free: number): Promise<DiskFacts> {
    const { contents, builds, clock } = this.#parts;
    return {
      now: clock.now(),
      free,
      images: await this.images(),
      cache: builds.cacheEntries(),
      temporary: await this.temporary(),
      sources: this.#parts.sources.keptContexts(),
      registry: await this.#registry(),
      pinned: (part) => {
        const digest = digestOf(part);
        return contents.isHeld(digest) || (part.startsWith('blob') && contents.isKept(digest));
      },
    };
  }

  async images(): Promise<ImageFacts[]> {
    const { images, snapshotter, uses } = this.#parts;
    uses.look();
    const sizes = new Map<string, number>();
    for (const { chainId, size } of await snapshotter.listCommitted()) sizes.set(chainId, size);
    const inIndexes = images.parts();
    const shown = images.list().filter(({ id }) => !inIndexes.has(id));
    return shown.map((image) => {
      const kept = this.#kept(image);
      return {
        id: image.id,
        names: [...image.tags, ...image.repoDigests].map(familiarName),
        used: uses.of(image),
        parts: this.#partsOf(image, sizes),
        ...(image.parent !== undefined && { parent: image.parent }),
        ...(kept !== undefined && { kept }),
      };
    });
  }

  async temporary(): Promise<DiskFacts['temporary']> {
    const partials = await this.#parts.blobs.partials();
    const packages = await this.#parts.packages.kept();
    const uploads = await this.#parts.registry.uploads.list();
    const lately = this.#parts.clock.now() - uploadPatience;
    return [
      ...partials.map(({ digest, ...rest }) => ({ kind: 'download' as const, id: digest, ...rest })),
      ...this.#parts.sessions.kept().map((context) => ({ kind: 'context' as const, ...context })),
      ...uploads.map(({ repository, touched, inUse, ...upload }) => ({
        ...{ kind: 'upload' as const, ...upload, name: `to ${repository}`, touched },
        inUse: inUse || touched > lately,
      })),
      ...packages.map((kept) => ({ kind: 'packages' as const, ...kept })),
    ];
  }

  /** With those of the other platforms of its index, which go with it. */
  #partsOf(image: Image, sizes: ReadonlyMap<string, number>): Map<string, number> {
    const { images } = this.#parts;
    const index = images.index(image.id);
    const others = this.#members(image).flatMap((each) => [...partsOf(each, sizes)]);
    const attached = index?.attachments.flatMap(({ parts }) =>
      parts.map(({ digest, size }) => [`blob ${digest}`, size] as const),
    );
    return new Map([...others, ...(attached ?? [])]);
  }

  /** All that its names stand for. */
  #members(image: Image): Image[] {
    const { images } = this.#parts;
    const ids = Object.values(images.index(image.id)?.images ?? {}).filter((id) => id !== image.id);
    return [image, ...ids.flatMap((id) => images.find(id) ?? [])];
  }

  /** In words, why an image stays. */
  #kept(image: Image): string | undefined {
    const { images, contents } = this.#parts;
    const [user] = this.#members(image).flatMap(({ id }) => images.users(id));
    if (user !== undefined)
      return 'holder' in user
        ? `${user.holder} needs it`
        : `the container ${shortId(user.containerId)} is of it`;
    if (image.tags.some((tag) => parseReference(tag).registry === baseRegistry))
      return 'it is a base of the catalogue';
    if (contents.isKept(image.manifestDigest)) return 'the registry has it';
    // Not the layers: a build holds those of its base, which many images have in common.
    return [image.id, image.manifestDigest, image.chainId].some(
      (digest) => digest !== '' && contents.isHeld(digest),
    )
      ? 'it is being worked with'
      : undefined;
  }

  async #registry(): Promise<RegistryFacts[]> {
    const { tags, manifests, blobs, uploads } = await this.#parts.registry.collect(standardCollection, true);
    return [
      ...tags.map(({ repository, tag, why }) => ({
        kind: 'tag' as const,
        name: `${repository}:${tag}`,
        why,
      })),
      ...manifests.map(({ repository, digest }) => ({
        ...{ kind: 'manifest' as const, name: `${repository}@${digest}` },
        why: 'its tags went',
      })),
      ...blobs.map(({ repository, digest, size }) => ({
        ...{ kind: 'blob' as const, name: `${repository}@${digest}` },
        ...{ why: 'no manifest names it', part: { key: `blob ${digest}`, size } },
      })),
      ...Array.from({ length: uploads }, (_, at) => ({
        ...{ kind: 'upload' as const, name: String(at + 1), why: 'nothing came for it in a day' },
      })),
    ];
  }
}

function partsOf(image: Image, sizes: ReadonlyMap<string, number>): Map<string, number> {
  const parts = new Map<string, number>();
  for (const { digest, size } of image.layers) parts.set(`blob ${digest}`, size);
  for (const chainId of chainIds(image.config.rootfs.diff_ids))
    parts.set(`snapshot ${chainId}`, sizes.get(chainId) ?? 0);
  return parts;
}

function digestOf(part: string): Digest {
  return `sha256:${part.slice(part.lastIndexOf(':') + 1)}`;
}
