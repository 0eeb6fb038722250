import { BerthError, isKind, notFound, unsupported } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { isDigest, type Digest } from '#domain/image/digest.ts';
import { mediaTypes, type Descriptor } from '#domain/image/manifest.ts';
import type { Reference } from '#domain/image/reference.ts';
import type { Referrers } from '#domain/registry/manifest.ts';
import type { UpstreamName } from '#domain/registry/mirror.ts';
import type { ContentDigest } from '#domain/registry/names.ts';
import type { LinkRecord, ManifestRecord } from '#engine/registry/content.ts';
import type { ManifestReference, Manifests } from '#engine/registry/manifests.ts';
import { MirroredBlobs, type RemoteBlob } from '#engine/registry/mirrored-blobs.ts';
import type { Mirrors } from '#engine/registry/mirrors.ts';
import type { RegistryParts } from '#engine/registry/parts.ts';
import type { Credentials, RegistryClient } from '#ports/registry-client.ts';

export interface MirroredParts extends RegistryParts {
  client: RegistryClient;
}

/** An upstream that does not answer is not waited for so long, when what is asked for is here, in milliseconds. */
const patienceMs = 10_000;
/** One that did not answer is left alone for so long, in milliseconds. */
const restMs = 30_000;

/** Content of other registries: asked for when somebody asks for it here, fetched once, and kept. */
export class MirroredContent {
  readonly blobs: MirroredBlobs;
  readonly #parts: MirroredParts;
  readonly #mirrors: Mirrors;
  readonly #manifests: Manifests;
  readonly #locks = new KeyedMutex();
  /** When a tag was last compared with the upstream's, in milliseconds since 1970. */
  readonly #seen = new Map<string, number>();
  /** Until when an upstream is left alone, in milliseconds since 1970. */
  readonly #resting = new Map<string, number>();

  constructor(parts: MirroredParts, mirrors: Mirrors, manifests: Manifests) {
    this.#parts = parts;
    this.#mirrors = mirrors;
    this.#manifests = manifests;
    this.blobs = new MirroredBlobs(parts);
  }

  /**
   * A manifest as the upstream has it, or the one that was kept when the upstream does not answer.
   * @throws not-found `registry-manifest-unknown`; as RegistryClient
   */
  manifest(repository: string, reference: ManifestReference, signal: AbortSignal): Promise<ManifestRecord> {
    const key = `${repository} ${'tag' in reference ? reference.tag : reference.digest}`;
    return this.#locks.run(key, async () => {
      const kept = await this.#kept(repository, reference);
      if (kept === undefined) return this.#fetched(key, repository, reference, signal);
      if (this.#isFresh(key, repository, reference)) return kept;
      const { digest, blob } = kept;
      return this.#unlessAway(repository, kept, signal, async (limited) => {
        const now = await this.#digestOf(repository, reference, limited);
        if (now !== digest && now !== blob) return this.#fetched(key, repository, reference, limited);
        this.#seen.set(key, this.#parts.clock.now());
        return kept;
      });
    });
  }

  /** A blob that a manifest here names, for reading. @throws not-found `registry-blob-unknown` */
  async blob(repository: string, digest: ContentDigest): Promise<RemoteBlob> {
    const name = this.#mirrors.named(repository);
    const blob = await this.#descriptor(repository, digest);
    const auth = (): Promise<Credentials | undefined> => this.#mirrors.credentials(name.mirror);
    return {
      ...blob,
      fetch: async (offset, signal, direct) => {
        try {
          return await this.#parts.client.blob(placeOf(name), blob, await auth(), signal, offset, direct);
        } catch (error) {
          if (!isKind(error, 'not-found')) throw error;
          throw notFound('registry-blob-unknown', error.message, { cause: error });
        }
      },
      onWhole: () => this.#link(repository, blob),
    };
  }

  /** Fetches what a mirrored repository has lost. @throws as RegistryClient */
  async refetch(record: ManifestRecord | LinkRecord, signal: AbortSignal): Promise<void> {
    const { repository, digest } = record;
    if ('mediaType' in record) await this.#fetchManifest(repository, { digest }, signal);
    else await this.blobs.whole(await this.blob(repository, digest), signal);
  }

  /** The upstream's, or those that are here when it does not answer. @throws as RegistryClient */
  async tags(repository: string, signal: AbortSignal): Promise<string[]> {
    const name = this.#mirrors.named(repository);
    const kept = this.#parts.content.has(repository) ? this.#manifests.tags(repository) : undefined;
    return this.#unlessAway(repository, kept, signal, async (limited) =>
      (
        await this.#parts.client.tags(placeOf(name), await this.#mirrors.credentials(name.mirror), limited)
      ).sort(),
    );
  }

  /** As `tags`. */
  async referrers(
    repository: string,
    subject: ContentDigest,
    artifactType: string | undefined,
    signal: AbortSignal,
  ): Promise<Referrers> {
    const kept = this.#manifests.referrers(repository, subject, artifactType);
    const name = this.#mirrors.named(repository);
    if (!isDigest(subject)) return kept;
    return this.#unlessAway(repository, kept, signal, async (limited) => {
      const auth = await this.#mirrors.credentials(name.mirror);
      const found = await this.#parts.client.referrers(placeOf(name), subject, auth, limited);
      const manifests = found.filter(
        (one) => artifactType === undefined || one.artifactType === artifactType,
      );
      return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    });
  }

  /** What `work` gives; `kept`, where there is something, while the upstream does not answer. */
  async #unlessAway<T>(
    repository: string,
    kept: T | undefined,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (kept === undefined) return work(signal).catch(rethrowAsUnknown);
    const { clock, report } = this.#parts;
    const { registry } = this.#mirrors.named(repository);
    if ((this.#resting.get(registry) ?? 0) > clock.now()) return kept;
    const limit = new AbortController();
    const expire = (): void => limit.abort(new Error(`${registry} does not answer`));
    clock.sleep(patienceMs, limit.signal).then(expire, () => undefined);
    try {
      return await work(AbortSignal.any([signal, limit.signal]));
    } catch (error) {
      signal.throwIfAborted();
      if (isKind(error, 'not-found') || isKind(error, 'unauthorized')) throw toUnknown(error);
      this.#resting.set(registry, clock.now() + restMs);
      report(`the mirror of '${repository}' serves what it kept`, error);
      return kept;
    } finally {
      limit.abort();
    }
  }

  /** One whose bytes were damaged is fetched again. */
  async #kept(repository: string, reference: ManifestReference): Promise<ManifestRecord | undefined> {
    const { content, blobs } = this.#parts;
    const digest = 'tag' in reference ? content.tag(repository, reference.tag)?.digest : reference.digest;
    const record = digest === undefined ? undefined : content.manifest(repository, digest);
    return record === undefined || (await blobs.stat(record.blob)) === undefined ? undefined : record;
  }

  #isFresh(key: string, repository: string, reference: ManifestReference): boolean {
    if ('digest' in reference) return true;
    const freshMs = this.#mirrors.named(repository).mirror.freshFor * 1000;
    return this.#parts.clock.now() - (this.#seen.get(key) ?? -Infinity) < freshMs;
  }

  /** Without its content: registries count what is fetched, and let ask for more. */
  async #digestOf(
    repository: string,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<Digest | undefined> {
    const { name, asked } = this.#asked(repository, reference);
    return this.#parts.client.manifestDigest(asked, await this.#mirrors.credentials(name.mirror), signal);
  }

  async #fetched(
    key: string,
    repository: string,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    try {
      const record = await this.#fetchManifest(repository, reference, signal);
      if ('tag' in reference) this.#seen.set(key, this.#parts.clock.now());
      return record;
    } catch (error) {
      throw toUnknown(error);
    }
  }

  async #fetchManifest(
    repository: string,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<ManifestRecord> {
    const { name, asked } = this.#asked(repository, reference);
    const auth = await this.#mirrors.credentials(name.mirror);
    const fetched = await this.#parts.client.manifest(asked, auth, signal);
    return this.#manifests.put({
      ...{ repository, reference, tags: [], by: '' },
      ...{ content: fetched.content, contentType: fetched.mediaType },
      isMirrored: true,
    });
  }

  #asked(repository: string, reference: ManifestReference): { name: UpstreamName; asked: Reference } {
    const name = this.#mirrors.named(repository);
    if ('tag' in reference) return { name, asked: { ...placeOf(name), tag: reference.tag } };
    return { name, asked: { ...placeOf(name), digest: sha256(reference.digest) } };
  }

  #link(repository: string, { digest, size }: Descriptor): void {
    const { content, clock } = this.#parts;
    const link = { repository, digest, blob: digest, size, since: clock.timestamp() };
    if (content.link(repository, digest) === undefined) content.save({ links: [link] });
  }

  /** As a manifest of the repository describes it: nobody can make the mirror fetch what no manifest names. */
  async #descriptor(repository: string, digest: ContentDigest): Promise<Descriptor> {
    const { content, blobs } = this.#parts;
    const unknown = notFound(
      'registry-blob-unknown',
      `the mirrored repository '${repository}' names no blob ${digest}`,
    );
    const known = content.link(repository, digest) ?? content.manifest(repository, digest);
    if (known !== undefined) return { mediaType: '', digest: known.blob, size: known.size };
    const record = content.manifests(repository).find((one) => one.blobs.includes(digest));
    if (record === undefined) throw unknown;
    // It was read as a manifest when it came.
    const parse: (text: string) => { config: Descriptor; layers?: Descriptor[] } = JSON.parse;
    const { config, layers = [] } = parse((await blobs.read(record.blob)).toString('utf8'));
    const found = [config, ...layers].find((one) => one.digest === sha256(digest));
    if (found === undefined) throw unknown;
    return found;
  }
}

function placeOf({ registry, repository }: UpstreamName): Pick<Reference, 'registry' | 'repository'> {
  return { registry, repository };
}

function sha256(digest: ContentDigest): Digest {
  if (isDigest(digest)) return digest;
  throw unsupported('registry-mirror-digest', `a mirror fetches by sha256 digests only, not by '${digest}'`);
}

/** The upstream's refusal as that of a registry. */
function toUnknown(error: unknown): unknown {
  if (!(error instanceof BerthError) || error.kind !== 'not-found') return error;
  if (error.code === 'registry-blob-unknown') return error;
  return notFound('registry-manifest-unknown', error.message, { cause: error });
}

function rethrowAsUnknown(error: unknown): never {
  throw toUnknown(error);
}
