import { BerthError } from '#base/errors.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import type { ManifestFacts } from '#domain/registry/manifest.ts';
import type { ContentDigest } from '#domain/registry/names.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** A manifest of a repository. Its bytes are the blob. */
export interface ManifestRecord extends ManifestFacts {
  repository: string;
  digest: ContentDigest;
  blob: Digest;
  size: number;
  /** RFC 3339. */
  pushed: string;
  by: string;
}

export interface TagRecord {
  repository: string;
  tag: string;
  digest: ContentDigest;
  /** RFC 3339. */
  pushed: string;
  by: string;
  /** RFC 3339, of the last pull, to the hour. */
  pulled?: string;
}

/** A blob that a repository has, by the name that it was pushed with. */
export interface LinkRecord {
  repository: string;
  digest: ContentDigest;
  blob: Digest;
  size: number;
  /** RFC 3339. */
  since: string;
}

export interface Change {
  manifests?: readonly ManifestRecord[];
  tags?: readonly TagRecord[];
  links?: readonly LinkRecord[];
}

interface Repository {
  manifests: Map<string, ManifestRecord>;
  tags: Map<string, TagRecord>;
  links: Map<string, LinkRecord>;
}

/** What all repositories hold: in memory, written through; a change is one transaction. */
export class Content {
  readonly #state: StateStore;
  readonly #manifests: Collection<ManifestRecord>;
  readonly #tags: Collection<TagRecord>;
  readonly #links: Collection<LinkRecord>;
  readonly #repositories = new Map<string, Repository>();
  /** How many manifests and links refer to a blob of the store, and how many manifests name it. */
  readonly #needs = new Map<Digest, number>();
  /** Bytes of repositories, until something changes. */
  readonly #sizes = new Map<string, number>();

  constructor(state: StateStore) {
    this.#state = state;
    this.#manifests = state.collection<ManifestRecord>('registry-manifests');
    this.#tags = state.collection<TagRecord>('registry-tags');
    this.#links = state.collection<LinkRecord>('registry-blobs');
    const all = <T extends object>(collection: Collection<T>): T[] =>
      collection.entries().map(([, record]) => record);
    this.#remember({ manifests: all(this.#manifests), tags: all(this.#tags), links: all(this.#links) });
  }

  /** Whether a manifest or a repository refers to a blob of the store, or would once somebody asks for it. */
  needs(blob: Digest): boolean {
    return this.#needs.has(blob);
  }

  /** Sorted. */
  repositories(): string[] {
    return [...this.#repositories.keys()].sort();
  }

  has(repository: string): boolean {
    return this.#repositories.has(repository);
  }

  manifest(repository: string, digest: string): ManifestRecord | undefined {
    return this.#repositories.get(repository)?.manifests.get(digest);
  }

  tag(repository: string, tag: string): TagRecord | undefined {
    return this.#repositories.get(repository)?.tags.get(tag);
  }

  link(repository: string, digest: string): LinkRecord | undefined {
    return this.#repositories.get(repository)?.links.get(digest);
  }

  manifests(repository: string): ManifestRecord[] {
    return [...(this.#repositories.get(repository)?.manifests.values() ?? [])];
  }

  tags(repository: string): TagRecord[] {
    return [...(this.#repositories.get(repository)?.tags.values() ?? [])];
  }

  links(repository: string): LinkRecord[] {
    return [...(this.#repositories.get(repository)?.links.values() ?? [])];
  }

  /** Bytes of a repository's blobs and manifests, each once. */
  size(repository: string): number {
    const known = this.#sizes.get(repository);
    if (known !== undefined) return known;
    const all = [...this.manifests(repository), ...this.links(repository)];
    const sizes = new Map(all.map(({ blob, size }) => [blob, size]));
    const sum = [...sizes.values()].reduce((total, size) => total + size, 0);
    this.#sizes.set(repository, sum);
    return sum;
  }

  /** All that refers to blobs of the store, of every repository. */
  *references(): Generator<ManifestRecord | LinkRecord> {
    for (const { manifests, links } of this.#repositories.values()) {
      yield* manifests.values();
      yield* links.values();
    }
  }

  save(change: Change): void {
    const { manifests = [], tags = [], links = [] } = change;
    this.#state.transaction(() => {
      for (const record of manifests) this.#manifests.put(byDigest(record), record);
      for (const record of tags) this.#tags.put(byTag(record), record);
      for (const record of links) this.#links.put(byDigest(record), record);
    });
    this.#remember(change);
  }

  /** Of use for retention only, so that nothing waits for the disk, and a full one keeps nobody from pulling. */
  notePull(record: TagRecord, pulled: string): void {
    const next = { ...record, pulled };
    this.#repositories.get(record.repository)?.tags.set(record.tag, next);
    try {
      this.#tags.note(byTag(next), next);
    } catch (error) {
      if (!(error instanceof BerthError) || error.code !== 'disk-full') throw error;
    }
  }

  delete(change: Change): void {
    const { manifests = [], tags = [], links = [] } = change;
    this.#state.transaction(() => {
      for (const record of manifests) this.#manifests.delete(byDigest(record));
      for (const record of tags) this.#tags.delete(byTag(record));
      for (const record of links) this.#links.delete(byDigest(record));
    });
    for (const record of manifests)
      if (this.#repositories.get(record.repository)?.manifests.delete(record.digest) === true)
        for (const blob of blobsOf(record)) this.#count(blob, -1);
    for (const { repository, digest, blob } of links)
      if (this.#repositories.get(repository)?.links.delete(digest) === true) this.#count(blob, -1);
    for (const { repository, tag } of tags) this.#repositories.get(repository)?.tags.delete(tag);
    for (const { repository } of [...manifests, ...tags, ...links]) {
      this.#sizes.delete(repository);
      this.#dropEmpty(repository);
    }
  }

  #remember({ manifests = [], tags = [], links = [] }: Change): void {
    for (const record of manifests) {
      const known = this.#repository(record.repository).manifests;
      if (!known.has(record.digest)) for (const blob of blobsOf(record)) this.#count(blob, 1);
      known.set(record.digest, record);
    }
    for (const record of links) {
      const known = this.#repository(record.repository).links;
      if (!known.has(record.digest)) this.#count(record.blob, 1);
      known.set(record.digest, record);
    }
    for (const record of tags) this.#repository(record.repository).tags.set(record.tag, record);
    for (const { repository } of [...manifests, ...links]) this.#sizes.delete(repository);
  }

  #count(blob: Digest, step: 1 | -1): void {
    const count = (this.#needs.get(blob) ?? 0) + step;
    if (count > 0) this.#needs.set(blob, count);
    else this.#needs.delete(blob);
  }

  #repository(name: string): Repository {
    const known = this.#repositories.get(name);
    if (known !== undefined) return known;
    const made: Repository = { manifests: new Map(), tags: new Map(), links: new Map() };
    this.#repositories.set(name, made);
    return made;
  }

  #dropEmpty(name: string): void {
    const repository = this.#repositories.get(name);
    if (repository === undefined) return;
    const { manifests, tags, links } = repository;
    if (manifests.size + tags.size + links.size === 0) this.#repositories.delete(name);
  }
}

/** Its bytes, and the blobs that it names: those of a mirrored one may be here without a link. */
export function blobsOf({ blob, blobs }: ManifestRecord): Digest[] {
  return [...new Set([blob, ...blobs.filter(isDigest)])];
}

function byDigest({ repository, digest }: { repository: string; digest: string }): string {
  return `${repository}@${digest}`;
}

function byTag({ repository, tag }: TagRecord): string {
  return `${repository}:${tag}`;
}
