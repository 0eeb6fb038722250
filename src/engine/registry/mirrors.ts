import { BerthError, isKind, notFound, unsupported } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { isDigest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import {
  checkMirror,
  mirroredName,
  upstreamOf,
  type Mirror,
  type UpstreamName,
} from '#domain/registry/mirror.ts';
import type { ContentDigest } from '#domain/registry/names.ts';
import type { LinkRecord, ManifestRecord } from '#engine/registry/content.ts';
import type { ManifestReference, Manifests } from '#engine/registry/manifests.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';
import type { Credentials, RegistryClient } from '#ports/registry-client.ts';
import type { Collection } from '#ports/state-store.ts';

export interface MirrorParts extends RegistryParts {
  client: RegistryClient;
  secretValue: (name: string) => Promise<Uint8Array>;
}

/** Other registries through this one: fetched once, by whoever asks first, and kept. */
export class Mirrors {
  readonly #parts: MirrorParts;
  readonly #manifests: Manifests;
  readonly #stored: Collection<Mirror>;
  readonly #mirrors: Map<string, Mirror>;
  readonly #locks = new KeyedMutex();
  /** When a tag was last compared with the upstream's, in milliseconds since 1970. */
  readonly #seen = new Map<string, number>();

  constructor(parts: MirrorParts, manifests: Manifests) {
    this.#parts = parts;
    this.#manifests = manifests;
    this.#stored = parts.store.collection<Mirror>('registry-mirrors');
    this.#mirrors = new Map(this.#stored.entries());
  }

  list(): Mirror[] {
    return [...this.#mirrors.values()];
  }

  /** Adds a mirror, or changes the one with the same prefix. @throws invalid `registry-mirror-invalid` */
  set(mirror: Mirror): Mirror {
    const checked = checkMirror(mirror);
    this.#stored.put(checked.prefix, checked);
    this.#mirrors.set(checked.prefix, checked);
    return checked;
  }

  /** What it fetched stays as an ordinary repository. @throws not-found `registry-mirror-missing` */
  remove(prefix: string): void {
    if (!this.#mirrors.delete(prefix))
      throw notFound('registry-mirror-missing', `there is no mirror '${prefix}'`);
    this.#stored.delete(prefix);
  }

  secretsInUse(): { secret: string; holder: string }[] {
    return this.list().flatMap(({ prefix, secret }) =>
      secret === undefined ? [] : [{ secret, holder: `the registry's mirror ${prefix}` }],
    );
  }

  /** Where a repository's content comes from; undefined for one of our own. */
  upstream(repository: string): UpstreamName | undefined {
    return this.#mirrors.size === 0 ? undefined : upstreamOf(this.list(), repository);
  }

  /** The name here of a repository of another registry. */
  nameOf(registry: string, repository: string): string | undefined {
    return mirroredName(this.list(), registry, repository);
  }

  /**
   * A manifest as the upstream has it, or the one that was kept when the upstream does not answer.
   * @throws not-found `registry-manifest-unknown`; as RegistryClient
   */
  manifest(repository: string, reference: ManifestReference, signal: AbortSignal): Promise<ManifestRecord> {
    const key = `${repository} ${'tag' in reference ? reference.tag : reference.digest}`;
    return this.#locks.run(key, async () => {
      const kept = this.#kept(repository, reference);
      if (kept !== undefined && this.#isFresh(key, repository, reference)) return kept;
      try {
        const fetched = await this.#fetchManifest(repository, reference, signal);
        this.#seen.set(key, this.#parts.clock.now());
        return fetched;
      } catch (error) {
        if (kept === undefined || isKind(error, 'not-found') || isKind(error, 'unauthorized'))
          throw toUnknown(error);
        this.#parts.report(`the mirror of '${repository}' serves what it kept`, error);
        return kept;
      }
    });
  }

  /** Fetches a blob that a manifest here names. @throws not-found `registry-blob-unknown`; as RegistryClient */
  blob(repository: string, digest: ContentDigest, signal: AbortSignal): Promise<LinkRecord> {
    return this.#locks.run(`${repository}@${digest}`, async () => {
      const { content, blobs } = this.#parts;
      const known = content.link(repository, digest);
      if (known !== undefined && (await blobs.stat(known.blob)) !== undefined) return known;
      return this.#fetchBlob(repository, await this.#descriptor(repository, digest), signal);
    });
  }

  /** Fetches what a mirrored repository has lost. @throws as RegistryClient */
  async refetch(record: ManifestRecord | LinkRecord, signal: AbortSignal): Promise<void> {
    const { repository, digest } = record;
    if ('mediaType' in record) await this.#fetchManifest(repository, { digest }, signal);
    else
      await this.#fetchBlob(repository, { mediaType: '', digest: sha256(digest), size: record.size }, signal);
  }

  #kept(repository: string, reference: ManifestReference): ManifestRecord | undefined {
    const { content } = this.#parts;
    const digest = 'tag' in reference ? content.tag(repository, reference.tag)?.digest : reference.digest;
    return digest === undefined ? undefined : content.manifest(repository, digest);
  }

  #isFresh(key: string, repository: string, reference: ManifestReference): boolean {
    if ('digest' in reference) return true;
    const freshMs = (this.upstream(repository)?.mirror.freshFor ?? 0) * 1000;
    return this.#parts.clock.now() - (this.#seen.get(key) ?? -Infinity) < freshMs;
  }

  async #fetchManifest(
    repository: string,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    const name = this.#named(repository);
    const { client } = this.#parts;
    if ('digest' in reference && !isDigest(reference.digest)) throw onlySha256(reference.digest);
    const asked =
      'tag' in reference
        ? { registry: name.registry, repository: name.repository, tag: reference.tag }
        : { registry: name.registry, repository: name.repository, digest: sha256(reference.digest) };
    const fetched = await client.manifest(asked, await this.#credentials(name.mirror), signal);
    return this.#manifests.put({
      ...{ repository, reference, tags: [], by: '' },
      ...{ content: fetched.content, contentType: fetched.mediaType },
      isMirrored: true,
    });
  }

  async #fetchBlob(repository: string, blob: Descriptor, signal: AbortSignal): Promise<LinkRecord> {
    const { care, blobs, content, clock, client } = this.#parts;
    const name = this.#named(repository);
    const reference = { registry: name.registry, repository: name.repository };
    return care.ingest(async (lease) => {
      await lease.hold(blob.digest);
      if ((await blobs.stat(blob.digest)) === undefined)
        await blobs.write(
          await client.blob(reference, blob, await this.#credentials(name.mirror), signal),
          blob,
        );
      const link = {
        ...{ repository, digest: blob.digest, blob: blob.digest, size: blob.size },
        since: clock.timestamp(),
      };
      content.save({ links: [link] });
      return link;
    });
  }

  /** As a manifest of the repository describes it: nobody can make the mirror fetch what no manifest names. */
  async #descriptor(repository: string, digest: ContentDigest): Promise<Descriptor> {
    const { content, blobs } = this.#parts;
    const record = content.manifests(repository).find((one) => one.blobs.includes(digest));
    if (record === undefined || !isDigest(digest))
      throw notFound(
        'registry-blob-unknown',
        `the mirrored repository '${repository}' names no blob ${digest}`,
      );
    // It was read as a manifest when it came.
    const parse: (text: string) => { config: Descriptor; layers?: Descriptor[] } = JSON.parse;
    const { config, layers = [] } = parse((await blobs.read(record.blob)).toString('utf8'));
    const found = [config, ...layers].find((one) => one.digest === digest);
    if (found !== undefined) return found;
    throw notFound(
      'registry-blob-unknown',
      `the mirrored repository '${repository}' names no blob ${digest}`,
    );
  }

  #named(repository: string): UpstreamName {
    const name = this.upstream(repository);
    if (name !== undefined) return name;
    throw notFound('registry-name-unknown', `there is no repository '${repository}'`);
  }

  async #credentials({ secret }: Mirror): Promise<Credentials | undefined> {
    if (secret === undefined) return undefined;
    const text = Buffer.from(await this.#parts.secretValue(secret))
      .toString('utf8')
      .trim();
    const at = text.indexOf(':');
    return { username: text.slice(0, at), password: text.slice(at + 1) };
  }
}

function sha256(digest: ContentDigest): Descriptor['digest'] {
  if (isDigest(digest)) return digest;
  throw onlySha256(digest);
}

function onlySha256(digest: string): Error {
  return unsupported('registry-mirror-digest', `a mirror fetches by sha256 digests only, not by '${digest}'`);
}

function toUnknown(error: unknown): unknown {
  if (!(error instanceof BerthError) || error.kind !== 'not-found') return error;
  return notFound('registry-manifest-unknown', error.message, { cause: error });
}
