import { conflict, notFound } from '#base/errors.ts';
import type { ContentDigest } from '#domain/registry/names.ts';
import type { LinkRecord } from '#engine/registry/content.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';

/** The blobs of repositories, once they are whole. */
export class RepositoryBlobs {
  readonly #parts: RegistryParts;
  /** When clients were told that a blob is there: they may rely on it for a while. Milliseconds since 1970. */
  readonly #told = new Map<string, number>();

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  /** @throws not-found `registry-blob-unknown` */
  async get(repository: string, digest: ContentDigest): Promise<LinkRecord> {
    const { content, blobs, clock } = this.#parts;
    const link = content.link(repository, digest) ?? linkOf(content.manifest(repository, digest));
    if (link === undefined) throw unknown(repository, digest);
    // Before anything is waited for: a collection in between would take what this is about to tell of.
    this.#told.set(keyOf(link), clock.now());
    // One whose content was damaged is set aside until it is pushed again.
    if ((await blobs.stat(link.blob)) === undefined) throw unknown(repository, digest);
    return link;
  }

  /**
   * Makes a blob of another repository one of this one. Without `from` any of those that `mayPull` allows will do.
   * Undefined when there is none.
   */
  async mount(
    repository: string,
    digest: ContentDigest,
    from: string | undefined,
    mayPull: (repository: string) => boolean,
  ): Promise<LinkRecord | undefined> {
    const { content } = this.#parts;
    const sources = (from === undefined ? content.repositories() : [from]).filter(mayPull);
    const source = sources.map((name) => content.link(name, digest)).find((link) => link !== undefined);
    return source === undefined ? undefined : this.add(repository, source);
  }

  /** Refers to a blob that is in the store already; undefined when it is not. @throws forbidden `registry-quota-exceeded` */
  async add(
    repository: string,
    { digest, blob, size }: Pick<LinkRecord, 'digest' | 'blob' | 'size'>,
  ): Promise<LinkRecord | undefined> {
    const { care, blobs, content, clock, rules } = this.#parts;
    return care.ingest(async (lease) => {
      await lease.hold(blob);
      if ((await blobs.stat(blob)) === undefined) return undefined;
      if (content.link(repository, digest) === undefined) rules.requireRoom(repository, size);
      const link = { repository, digest, blob, size, since: clock.timestamp() };
      content.save({ links: [link] });
      return link;
    });
  }

  /** @throws not-found `registry-blob-unknown`; conflict `registry-blob-in-use` while a manifest names it */
  async delete(repository: string, digest: ContentDigest, by: string): Promise<void> {
    const { content, care, announce } = this.#parts;
    const link = content.link(repository, digest);
    if (link === undefined) throw unknown(repository, digest);
    const user = content.manifests(repository).find(({ blobs }) => blobs.includes(digest));
    if (user !== undefined)
      throw conflict('registry-blob-in-use', `the blob ${digest} is a part of the manifest ${user.digest}`, {
        hint: 'delete the manifest first',
      });
    await care.release([link.blob], () => content.delete({ links: [link] }));
    announce({ action: 'delete', repository, digest, size: link.size, by });
  }

  /** Whether a client was told since `since` (milliseconds since 1970) that the blob is there. */
  wasTold(link: LinkRecord, since: number): boolean {
    return (this.#told.get(keyOf(link)) ?? 0) >= since;
  }

  /** Forgets what clients were told before `before`, in milliseconds since 1970. */
  forgetTold(before: number): void {
    for (const [key, at] of this.#told) if (at < before) this.#told.delete(key);
  }
}

function linkOf(
  manifest:
    | { repository: string; digest: ContentDigest; blob: LinkRecord['blob']; size: number; pushed: string }
    | undefined,
): LinkRecord | undefined {
  if (manifest === undefined) return undefined;
  const { repository, digest, blob, size, pushed } = manifest;
  return { repository, digest, blob, size, since: pushed };
}

function keyOf({ repository, digest }: LinkRecord): string {
  return `${repository}@${digest}`;
}

function unknown(repository: string, digest: string): Error {
  return notFound('registry-blob-unknown', `the repository '${repository}' has no blob ${digest}`);
}
