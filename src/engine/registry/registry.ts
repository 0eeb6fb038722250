import type { Readable } from 'node:stream';
import { conflict, isKind, notFound, unsupported } from '#base/errors.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Referrers } from '#domain/registry/manifest.ts';
import { checkRepositoryName, type ContentDigest } from '#domain/registry/names.ts';
import type { Origin } from '#engine/images/origins.ts';
import { Access } from '#engine/registry/access.ts';
import { Accounts } from '#engine/registry/accounts.ts';
import { BlobUploads } from '#engine/registry/blob-uploads.ts';
import { RepositoryBlobs } from '#engine/registry/blobs.ts';
import { RegistryCollector, type Collected, type CollectOptions } from '#engine/registry/collecting.ts';
import { Content, type ManifestRecord } from '#engine/registry/content.ts';
import { Listing } from '#engine/registry/listing.ts';
import { Manifests, type ManifestReference } from '#engine/registry/manifests.ts';
import { MirroredContent } from '#engine/registry/mirrored-content.ts';
import type { ByteRange } from '#engine/registry/mirrored-blobs.ts';
import { Mirrors } from '#engine/registry/mirrors.ts';
import type { BlobCare, RegistryParts } from '#engine/registry/parts.ts';
import { Reading } from '#engine/registry/reading.ts';
import { Rules } from '#engine/registry/rules.ts';
import { Serving, type ServingParts } from '#engine/registry/serving.ts';
import { RegistryVerifier, type Finding } from '#engine/registry/verifying.ts';
import { Webhooks } from '#engine/registry/webhooks.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { Uploads } from '#ports/uploads.ts';
import type { WebhookSender } from '#ports/webhook-sender.ts';

export interface RegistryOptions extends Omit<ServingParts, 'hasUsers'> {
  blobs: BlobStore;
  uploads: Uploads;
  care: BlobCare;
  /** Other registries, for mirrors and repairs. */
  client: RegistryClient;
  sender: WebhookSender;
  secretValue: (name: string) => Promise<Uint8Array>;
  origins: (digest: `sha256:${string}`) => Origin[];
  report: (problem: string, error: unknown) => void;
}

const hourMs = 3_600_000;
/** A push may take an hour from its first blob to its manifest. */
export const standardCollection: CollectOptions = { untagged: false, graceMs: hourMs, uploadMs: 24 * hourMs };

/** A blob of a repository, which of a mirrored one need not be here yet. */
export interface FoundBlob {
  size: number;
  /** @throws as RegistryClient for one that has to be fetched */
  open: (range: ByteRange) => Promise<Readable>;
}

/** The built-in registry. */
export class Registry {
  readonly accounts: Accounts;
  readonly access: Access;
  readonly uploads: BlobUploads;
  readonly blobs: RepositoryBlobs;
  readonly manifests: Manifests;
  readonly mirrors: Mirrors;
  readonly webhooks: Webhooks;
  readonly serving: Serving;
  readonly rules: Rules;
  readonly listing: Listing;
  readonly #parts: RegistryParts;
  readonly #mirrored: MirroredContent;
  readonly #reading: Reading;
  readonly #collector: RegistryCollector;
  readonly #verifier: RegistryVerifier;
  readonly #stop = new AbortController();
  readonly #mends = new Set<Promise<void>>();
  #tended = Promise.resolve();

  constructor(options: RegistryOptions) {
    const { store, clock, care } = options;
    const content = new Content(store);
    this.webhooks = new Webhooks(options);
    this.rules = new Rules(store, content);
    const announce = this.webhooks.announce.bind(this.webhooks);
    const parts = { ...options, content, rules: this.rules, announce };
    this.#parts = parts;
    this.accounts = new Accounts(options);
    this.access = new Access(this.accounts, clock);
    this.uploads = new BlobUploads(parts);
    this.blobs = new RepositoryBlobs(parts);
    this.manifests = new Manifests(parts);
    this.mirrors = new Mirrors(options);
    this.#mirrored = new MirroredContent(parts, this.mirrors, this.manifests);
    this.listing = new Listing({
      content,
      rules: this.rules,
      manifests: this.manifests,
      mirrors: this.mirrors,
    });
    this.#collector = new RegistryCollector(parts, this.uploads, this.blobs);
    // It has nothing that the engine's store has not.
    const origins = (digest: Digest): Origin[] =>
      options.origins(digest).filter(({ reference }) => !this.isNamed(reference.registry));
    this.#verifier = new RegistryVerifier({ ...parts, origins }, this.mirrors, this.#mirrored);
    this.#reading = new Reading(options.blobs, (blob, problem) => this.#damaged(blob, problem));
    this.serving = new Serving({ ...options, hasUsers: () => !this.accounts.isOpen });
    // Before anything collects.
    care.keptBy((digest) => content.needs(digest));
  }

  async start(): Promise<void> {
    await this.uploads.recover();
    this.webhooks.start();
    this.#tended = this.#tend();
  }

  /** Requests first: they begin what ends after them. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.serving.close();
    await this.#mirrored.blobs.close();
    await Promise.all([this.#tended, ...this.#mends]);
    await this.webhooks.close();
  }

  /** HOST[:PORT] of this registry while it is served. */
  isNamed(registry: string): boolean {
    return this.serving.isNamed(registry);
  }

  /** Sorted. */
  repositories(isShown: (name: string) => boolean = () => true): string[] {
    return this.#parts.content.repositories().filter(isShown);
  }

  /** What it keeps, by blob: bytes. */
  storedBlobs(): Map<string, number> {
    return this.listing.blobs();
  }

  /** A manifest, of a mirrored repository as its upstream has it now. @throws not-found `registry-manifest-unknown` */
  async find(name: string, reference: ManifestReference, signal: AbortSignal): Promise<ManifestRecord> {
    const repository = checkRepositoryName(name);
    if (this.mirrors.upstream(repository) !== undefined)
      return this.#mirrored.manifest(repository, reference, signal);
    const record = this.manifests.find(repository, reference);
    if ((await this.#parts.blobs.stat(record.blob)) !== undefined) return record;
    throw damagedManifest(record);
  }

  /**
   * The content of a manifest that `find` gave, which counts as its pull.
   * @throws not-found `registry-manifest-unknown` for one that was damaged
   */
  async read(record: ManifestRecord, reference: ManifestReference, by: string): Promise<Buffer> {
    const content = await this.#reading.read(record.blob).catch((error: unknown) => {
      throw isKind(error, 'invalid') ? damagedManifest(record) : error;
    });
    this.manifests.pulled(record, reference, by);
    return content;
  }

  /** What of a mirrored repository is not here is fetched when it is read. @throws not-found `registry-blob-unknown` */
  async blob(name: string, digest: ContentDigest, signal: AbortSignal): Promise<FoundBlob> {
    const repository = checkRepositoryName(name);
    const isMirrored = this.mirrors.upstream(repository) !== undefined;
    const remote = isMirrored ? await this.#mirrored.blob(repository, digest) : undefined;
    if (remote !== undefined && (await this.#parts.blobs.stat(remote.digest)) === undefined)
      return { size: remote.size, open: (range) => this.#mirrored.blobs.open(remote, range, signal) };
    remote?.onWhole();
    const link = await this.blobs.get(repository, digest);
    return { size: link.size, open: (range) => this.#reading.open(link, range) };
  }

  /**
   * A blob for the engine, which keeps it itself: of a mirrored repository as the upstream sends it.
   * @throws as `blob`, as RegistryClient
   */
  async pass(name: string, digest: ContentDigest, offset: number, signal: AbortSignal): Promise<Readable> {
    const repository = checkRepositoryName(name);
    if (this.mirrors.upstream(repository) === undefined)
      return (await this.blob(repository, digest, signal)).open({ start: offset });
    return (await this.#mirrored.blob(repository, digest)).fetch(offset, signal, false);
  }

  /** Sorted. @throws not-found `registry-name-unknown` */
  async tags(repository: string, signal: AbortSignal): Promise<string[]> {
    if (this.mirrors.upstream(repository) === undefined) return this.manifests.tags(repository);
    return this.#mirrored.tags(repository, signal);
  }

  /** What refers to a manifest, there or not (distribution specification, "Listing Referrers"). */
  async referrers(
    repository: string,
    subject: ContentDigest,
    artifactType: string | undefined,
    signal: AbortSignal,
  ): Promise<Referrers> {
    if (this.mirrors.upstream(repository) === undefined)
      return this.manifests.referrers(repository, subject, artifactType);
    return this.#mirrored.referrers(repository, subject, artifactType, signal);
  }

  /** @throws unsupported `registry-mirror-read-only` */
  refuseMirror(name: string): void {
    const upstream = this.mirrors.upstream(checkRepositoryName(name));
    if (upstream !== undefined)
      throw unsupported(
        'registry-mirror-read-only',
        `'${name}' is a mirror of ${upstream.registry}/${upstream.repository}, which is not pushed to through it`,
      );
  }

  /** @throws conflict `registry-users-required` for the last one, while others reach the registry */
  removeUser(name: string): void {
    const left = this.accounts.users().filter((user) => user.name !== name && user.name !== 'anonymous');
    if (left.length === 0 && this.serving.isPublic)
      throw conflict(
        'registry-users-required',
        `without the user '${name}' everybody could write to the registry`,
        {
          hint: 'add another user first, or berth registry stop',
        },
      );
    this.accounts.remove(name);
  }

  collect(options: CollectOptions, isDryRun: boolean): Promise<Collected> {
    if (isDryRun) return Promise.resolve(this.#collector.plan(this.rules.retention.list(), options));
    return this.#collector.collect(this.rules.retention.list(), options);
  }

  verify(signal: AbortSignal): AsyncGenerator<Finding> {
    return this.#verifier.verify(AbortSignal.any([signal, this.#stop.signal]));
  }

  secretsInUse(): { secret: string; holder: string }[] {
    return [...this.webhooks.secretsInUse(), ...this.mirrors.secretsInUse()];
  }

  /** Serves it to nobody any more, and looks for it where it came from. */
  #damaged(blob: Digest, problem: string): void {
    const { report } = this.#parts;
    report('the registry found a damaged blob', new Error(`${blob}: ${problem}`));
    const { signal } = this.#stop;
    const mend = this.#verifier
      .mend(blob, problem, signal)
      .then(
        () => undefined,
        (error: unknown) => {
          // Whoever reads it next finds it damaged again.
          if (!signal.aborted) report(`the damaged blob ${blob} could not be set aside`, error);
        },
      )
      .finally(() => this.#mends.delete(mend));
    this.#mends.add(mend);
  }

  /** Collects every hour. */
  async #tend(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, report } = this.#parts;
    for (;;) {
      const isOver = await clock.sleep(hourMs, signal).then(
        () => false,
        () => true,
      );
      if (isOver) return;
      try {
        await this.collect(standardCollection, false);
      } catch (error) {
        report('the registry could not be tidied up', error);
      }
    }
  }
}

function damagedManifest({ digest }: ManifestRecord): Error {
  return notFound('registry-manifest-unknown', `the manifest ${digest} was damaged and is set aside`, {
    hint: 'push it again',
  });
}
