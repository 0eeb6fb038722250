import type { Content } from '#engine/registry/content.ts';
import type { Manifests } from '#engine/registry/manifests.ts';
import type { Mirrors } from '#engine/registry/mirrors.ts';
import type { Rules } from '#engine/registry/rules.ts';

export interface RepositorySummary {
  name: string;
  tags: number;
  manifests: number;
  /** Bytes of its blobs and manifests, each once. */
  size: number;
  /** Bytes that no other repository has too. */
  own: number;
  /** Bytes that it may still take; absent without a quota. */
  room?: number;
  upstream?: string;
}

export interface TagSummary {
  tag: string;
  digest: string;
  pushed: string;
  by: string;
  pulled?: string;
  size: number;
  isImmutable: boolean;
}

interface ListingParts {
  content: Content;
  manifests: Manifests;
  mirrors: Mirrors;
  rules: Rules;
}

/** What the registry holds, for people to look at. */
export class Listing {
  readonly #parts: ListingParts;

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  repositories(): RepositorySummary[] {
    const { content, mirrors, rules } = this.#parts;
    const holders = this.#holders();
    return content.repositories().map((name) => {
      const upstream = mirrors.upstream(name);
      const room = rules.room(name);
      const own = [...this.#blobsOf(name)].filter(([blob]) => holders.get(blob) === 1);
      return {
        ...{ name, tags: content.tags(name).length, manifests: content.manifests(name).length },
        size: content.size(name),
        own: own.reduce((sum, [, size]) => sum + size, 0),
        ...(Number.isFinite(room) && { room }),
        ...(upstream !== undefined && { upstream: `${upstream.registry}/${upstream.repository}` }),
      };
    });
  }

  /** What the registry keeps, by blob: bytes. */
  blobs(): Map<string, number> {
    return new Map(this.#parts.content.repositories().flatMap((name) => [...this.#blobsOf(name)]));
  }

  /** @throws not-found `registry-name-unknown` */
  tags(repository: string): TagSummary[] {
    const { content, manifests, rules } = this.#parts;
    return manifests.tags(repository).flatMap((name) => {
      const record = content.tag(repository, name);
      if (record === undefined) return [];
      const { tag, digest, pushed, by, pulled } = record;
      const [size, isImmutable] = [this.#sizeOf(repository, digest), rules.isImmutable(repository, tag)];
      return [{ tag, digest, pushed, by, ...(pulled !== undefined && { pulled }), size, isImmutable }];
    });
  }

  #blobsOf(repository: string): Map<string, number> {
    const { content } = this.#parts;
    const all = [...content.manifests(repository), ...content.links(repository)];
    return new Map(all.map(({ blob, size }) => [blob, size]));
  }

  /** In how many repositories each blob is. */
  #holders(): Map<string, number> {
    const holders = new Map<string, number>();
    for (const name of this.#parts.content.repositories())
      for (const blob of this.#blobsOf(name).keys()) holders.set(blob, (holders.get(blob) ?? 0) + 1);
    return holders;
  }

  /** Of an image, or all images of an index, as far as they are here. */
  #sizeOf(repository: string, digest: string): number {
    const { content } = this.#parts;
    const record = content.manifest(repository, digest);
    if (record === undefined) return 0;
    const blobs = record.blobs.reduce((sum, blob) => sum + (content.link(repository, blob)?.size ?? 0), 0);
    return record.manifests.reduce(
      (sum, child) => sum + this.#sizeOf(repository, child),
      record.size + blobs,
    );
  }
}
