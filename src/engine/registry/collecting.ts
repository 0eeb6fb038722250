import { expiredTags, type Expired, type RetentionRule, type TagFacts } from '#domain/registry/retention.ts';
import type { BlobUploads } from '#engine/registry/blob-uploads.ts';
import type { RepositoryBlobs } from '#engine/registry/blobs.ts';
import { blobsOf, type LinkRecord, type ManifestRecord, type TagRecord } from '#engine/registry/content.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';

export interface CollectOptions {
  /** Manifests without a tag go too, unless something refers to them or needs them. */
  untagged: boolean;
  /** What came or was asked for in this many milliseconds stays: a push brings its manifest last. */
  graceMs: number;
  /** Uploads that nothing came for since. */
  uploadMs: number;
}

/** What goes, and what a person is told of it. */
export interface Collected {
  tags: Expired[];
  manifests: { repository: string; digest: string }[];
  blobs: { repository: string; digest: string; size: number }[];
  uploads: number;
}

interface Doomed {
  tags: TagRecord[];
  manifests: ManifestRecord[];
  links: LinkRecord[];
}

/**
 * Online garbage collection. What goes is decided and forgotten in one step, between requests; the blobs follow, each
 * looked at again under its lock. Never goes what is tagged, named by an index, says something about a manifest that
 * stays, runs, can be gone back to, is being uploaded, or what a client was told of in the time of grace.
 */
export class RegistryCollector {
  readonly #parts: RegistryParts;
  readonly #uploads: BlobUploads;
  readonly #blobs: RepositoryBlobs;

  constructor(parts: RegistryParts, uploads: BlobUploads, blobs: RepositoryBlobs) {
    this.#parts = parts;
    this.#uploads = uploads;
    this.#blobs = blobs;
  }

  /** What `collect` would do now. */
  plan(rules: readonly RetentionRule[], options: CollectOptions): Collected {
    return this.#decide(rules, options).shown;
  }

  async collect(rules: readonly RetentionRule[], options: CollectOptions): Promise<Collected> {
    const { care, content, clock, announce } = this.#parts;
    const { doomed, shown } = this.#decide(rules, options);
    const blobs = [...doomed.manifests.flatMap(blobsOf), ...doomed.links.map(({ blob }) => blob)];
    await care.release(blobs, () => content.delete(doomed));
    for (const { repository, tag, digest } of doomed.tags)
      announce({ action: 'delete', repository, tag, digest, by: '' });
    const before = clock.now() - options.uploadMs;
    for (const id of this.#uploads.expired(before)) await this.#uploads.expire(id, before);
    this.#blobs.forgetTold(clock.now() - options.graceMs);
    return shown;
  }

  #decide(rules: readonly RetentionRule[], options: CollectOptions): { doomed: Doomed; shown: Collected } {
    const { content, clock } = this.#parts;
    const expired = expiredTags(this.#tagFacts(), rules, clock.now());
    const doomed: Doomed = { tags: [], manifests: [], links: [] };
    for (const repository of content.repositories()) this.#decideIn(repository, expired, options, doomed);
    return {
      doomed,
      shown: {
        tags: expired,
        manifests: doomed.manifests.map(({ repository, digest }) => ({ repository, digest })),
        blobs: doomed.links.map(({ repository, digest, size }) => ({ repository, digest, size })),
        uploads: this.#uploads.expired(clock.now() - options.uploadMs).length,
      },
    };
  }

  #tagFacts(): TagFacts[] {
    const { content, rules } = this.#parts;
    return content.repositories().flatMap((repository) =>
      content.tags(repository).map(({ tag, digest, pushed, pulled }) => ({
        ...{ repository, tag, pushed: Date.parse(pushed), used: Date.parse(pulled ?? pushed) },
        isNeeded: rules.isImmutable(repository, tag) || this.#isNeeded(repository, digest),
      })),
    );
  }

  /** Also an index, one of whose images is needed. */
  #isNeeded(repository: string, digest: string): boolean {
    const { care, content } = this.#parts;
    const record = content.manifest(repository, digest);
    if (record === undefined) return false;
    if (care.isUsed(digest) || (record.config !== undefined && care.isUsed(record.config))) return true;
    return record.manifests.some((child) => child !== digest && this.#isNeeded(repository, child));
  }

  #decideIn(repository: string, expired: readonly Expired[], options: CollectOptions, doomed: Doomed): void {
    const { content } = this.#parts;
    const isExpired = new Set(expired.filter((one) => one.repository === repository).map(({ tag }) => tag));
    const tags = content.tags(repository);
    const kept = tags.filter(({ tag }) => !isExpired.has(tag));
    const gone = tags.filter(({ tag }) => isExpired.has(tag));
    const before = this.#parts.clock.now() - options.graceMs;
    const alive = this.#alive(repository, kept, gone, { ...options, before });
    doomed.tags.push(...gone);
    doomed.manifests.push(...content.manifests(repository).filter(({ digest }) => !alive.has(digest)));
    const needed = new Set(
      content.manifests(repository).flatMap(({ digest, blobs }) => (alive.has(digest) ? blobs : [])),
    );
    doomed.links.push(
      ...content
        .links(repository)
        .filter((link) => !needed.has(link.digest))
        .filter((link) => Date.parse(link.since) < before && !this.#blobs.wasTold(link, before)),
    );
  }

  /** The digests of the manifests that stay. */
  #alive(
    repository: string,
    kept: readonly TagRecord[],
    gone: readonly TagRecord[],
    { untagged, before }: CollectOptions & { before: number },
  ): Set<string> {
    const all = this.#parts.content.manifests(repository);
    const lostTags = this.#reached(all, new Set(gone.map(({ digest }) => digest)));
    const tagged = new Set(kept.map(({ digest }) => digest));
    const roots = all.filter(
      ({ digest, pushed }) =>
        tagged.has(digest) ||
        this.#isNeeded(repository, digest) ||
        (!lostTags.has(digest) && (!untagged || Date.parse(pushed) >= before)),
    );
    return this.#reached(all, new Set(roots.map(({ digest }) => digest)));
  }

  /** The manifests, what they name, and what says something about them. */
  #reached(all: readonly ManifestRecord[], roots: ReadonlySet<string>): Set<string> {
    const byDigest = new Map<string, ManifestRecord>(all.map((record) => [record.digest, record]));
    const bySubject = new Map<string, string[]>();
    for (const { subject, digest } of all)
      if (subject !== undefined) bySubject.set(subject, [...(bySubject.get(subject) ?? []), digest]);
    const reached = new Set<string>();
    const pending = [...roots];
    for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
      const record = byDigest.get(digest);
      if (record === undefined || reached.has(digest)) continue;
      reached.add(digest);
      pending.push(...record.manifests, ...(bySubject.get(digest) ?? []));
    }
    return reached;
  }
}
