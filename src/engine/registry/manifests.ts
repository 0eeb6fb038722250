import { createHash } from 'node:crypto';
import { conflict, invalid, notFound } from '#base/errors.ts';
import { parseDigest } from '#domain/image/digest.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import {
  readManifest,
  type ManifestFacts,
  type Referrer,
  type Referrers,
} from '#domain/registry/manifest.ts';
import { parseContentDigest, type ContentDigest } from '#domain/registry/names.ts';
import { blobsOf, type ManifestRecord, type TagRecord } from '#engine/registry/content.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';

export type ManifestReference = { tag: string } | { digest: ContentDigest };

export interface NewManifest {
  repository: string;
  reference: ManifestReference;
  /** Further tags, for a push by digest. */
  tags: readonly string[];
  contentType: string;
  content: Buffer;
  by: string;
  /** Of another registry: what it names is fetched when somebody asks for it. */
  isMirrored?: boolean;
}

/** How exactly the time of the last pull is kept, in milliseconds. */
const pulledMs = 3_600_000;

/** Manifests and tags of repositories. */
export class Manifests {
  readonly #parts: RegistryParts;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /**
   * Stores a manifest under its digest and its tags.
   * @throws invalid `registry-manifest-invalid`, `registry-digest-mismatch`; not-found `registry-manifest-blob-unknown`;
   *   forbidden `registry-tag-immutable`, `registry-quota-exceeded`
   */
  async put(pushed: NewManifest): Promise<ManifestRecord> {
    const { care, blobs, content, announce } = this.#parts;
    const facts = readManifest(pushed.content.toString('utf8'), pushed.contentType);
    const record = this.#recordOf(pushed, facts);
    const tags = this.#tagsOf(pushed, record.digest);
    await care.ingest(async (lease) => {
      await lease.hold(record.blob);
      await blobs.write([pushed.content], { digest: record.blob });
      // Nothing can come between these looks and the save.
      if (pushed.isMirrored !== true) {
        this.#refuseMissing(pushed.repository, facts);
        this.#refuseByRules(record, tags);
      }
      content.save({ manifests: [record], tags });
    });
    // Nobody has pushed what a mirror fetched.
    if (pushed.isMirrored === true) return record;
    const { repository, digest, mediaType, size, by } = record;
    const told = { action: 'push' as const, repository, digest, mediaType, size, by };
    if (tags.length === 0) announce(told);
    for (const { tag } of tags) announce({ ...told, tag });
    return record;
  }

  /** @throws not-found `registry-name-unknown`, `registry-manifest-unknown` */
  find(repository: string, reference: ManifestReference): ManifestRecord {
    const { content } = this.#parts;
    const digest = 'tag' in reference ? content.tag(repository, reference.tag)?.digest : reference.digest;
    const record = digest === undefined ? undefined : content.manifest(repository, digest);
    if (record !== undefined) return record;
    throw notFound(
      'registry-manifest-unknown',
      `the repository '${repository}' has no manifest '${'tag' in reference ? reference.tag : reference.digest}'`,
    );
  }

  /** Remembers that it was pulled. */
  pulled(record: ManifestRecord, reference: ManifestReference, by: string): void {
    const { clock, content, announce } = this.#parts;
    const { repository, digest, mediaType, size } = record;
    const tag = 'tag' in reference ? content.tag(repository, reference.tag) : undefined;
    if (tag !== undefined && clock.now() - Date.parse(tag.pulled ?? tag.pushed) > pulledMs)
      content.notePull(tag, clock.timestamp());
    announce({
      action: 'pull',
      repository,
      digest,
      mediaType,
      size,
      by,
      ...('tag' in reference && reference),
    });
  }

  /**
   * Removes a tag, or a manifest with all its tags.
   * @throws not-found `registry-manifest-unknown`; conflict `registry-manifest-in-use` while an index names it; forbidden
   *   `registry-tag-immutable`
   */
  async delete(repository: string, reference: ManifestReference, by: string): Promise<void> {
    const { content, announce, care, rules } = this.#parts;
    const record = this.find(repository, reference);
    const { digest, mediaType } = record;
    if ('tag' in reference) {
      rules.refuseRemoval(repository, [reference.tag]);
      const tag = content.tag(repository, reference.tag);
      if (tag !== undefined) content.delete({ tags: [tag] });
      announce({ action: 'delete', repository, digest, mediaType, tag: reference.tag, by });
      return;
    }
    const index = content.manifests(repository).find(({ manifests }) => manifests.includes(digest));
    if (index !== undefined)
      throw conflict(
        'registry-manifest-in-use',
        `the manifest ${digest} is a part of the index ${index.digest}`,
        {
          hint: 'delete the index first',
        },
      );
    const tags = content.tags(repository).filter((tag) => tag.digest === digest);
    rules.refuseRemoval(
      repository,
      tags.map(({ tag }) => tag),
    );
    await care.release(blobsOf(record), () => content.delete({ manifests: [record], tags }));
    announce({ action: 'delete', repository, digest, mediaType, by });
  }

  /** Sorted. @throws not-found `registry-name-unknown` */
  tags(repository: string): string[] {
    if (!this.#parts.content.has(repository))
      throw notFound('registry-name-unknown', `there is no repository '${repository}'`);
    return this.#parts.content
      .tags(repository)
      .map(({ tag }) => tag)
      .sort();
  }

  /** What refers to a manifest, there or not (distribution specification, "Listing Referrers"). */
  referrers(repository: string, subject: ContentDigest, artifactType: string | undefined): Referrers {
    const manifests = this.#parts.content
      .manifests(repository)
      .filter((record) => record.subject === subject)
      .filter((record) => artifactType === undefined || record.artifactType === artifactType)
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .map(describe);
    return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  }

  #recordOf({ repository, reference, content, by }: NewManifest, facts: ManifestFacts): ManifestRecord {
    const blob = parseDigest(digestOf(content, 'sha256'));
    const digest = 'tag' in reference ? blob : matching(content, reference.digest);
    const { annotations, ...kept } = facts;
    return {
      ...kept,
      // Of use for the list of referrers only, and maybe large.
      ...(facts.subject !== undefined && annotations !== undefined && { annotations }),
      ...{ repository, digest, blob, size: content.length, pushed: this.#parts.clock.timestamp(), by },
    };
  }

  #tagsOf({ repository, reference, tags, by }: NewManifest, digest: ContentDigest): TagRecord[] {
    const pushed = this.#parts.clock.timestamp();
    const names = new Set([...('tag' in reference ? [reference.tag] : []), ...tags]);
    return [...names].map((tag) => ({ repository, tag, digest, pushed, by }));
  }

  #refuseByRules({ repository, digest, size }: ManifestRecord, tags: readonly TagRecord[]): void {
    const { content, rules } = this.#parts;
    for (const { tag } of tags) rules.refuseMove(repository, tag, digest);
    if (content.manifest(repository, digest) === undefined) rules.requireRoom(repository, size);
  }

  #refuseMissing(repository: string, { blobs, manifests }: ManifestFacts): void {
    const { content } = this.#parts;
    const missing =
      blobs.find((digest) => content.link(repository, digest) === undefined) ??
      manifests.find((digest) => content.manifest(repository, digest) === undefined);
    if (missing === undefined) return;
    throw notFound(
      'registry-manifest-blob-unknown',
      `the manifest names ${missing}, which the repository '${repository}' does not have`,
      { hint: 'push what a manifest names before the manifest' },
    );
  }
}

function describe(record: ManifestRecord): Referrer {
  const { mediaType, digest, size, artifactType, annotations } = record;
  return {
    ...{ mediaType, digest, size },
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
}

function matching(content: Buffer, digest: ContentDigest): ContentDigest {
  const found = digestOf(content, digest.slice(0, 'sha256'.length));
  if (found === digest) return digest;
  throw invalid('registry-digest-mismatch', `the manifest was pushed as ${digest}; its content has ${found}`);
}

function digestOf(content: Buffer, algorithm: string): ContentDigest {
  return parseContentDigest(`${algorithm}:${createHash(algorithm).update(content).digest('hex')}`);
}
