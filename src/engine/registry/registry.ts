import type { Readable } from 'node:stream';
import { conflict, notFound, unsupported } from '#base/errors.ts';
import { checkRule, type RetentionRule } from '#domain/registry/retention.ts';
import { checkRepositoryName, type ContentDigest } from '#domain/registry/names.ts';
import type { Origin } from '#engine/images/origins.ts';
import { Access } from '#engine/registry/access.ts';
import { Accounts } from '#engine/registry/accounts.ts';
import { BlobUploads } from '#engine/registry/blob-uploads.ts';
import { RepositoryBlobs } from '#engine/registry/blobs.ts';
import { RegistryCollector, type Collected, type CollectOptions } from '#engine/registry/collecting.ts';
import { Content, type LinkRecord, type ManifestRecord } from '#engine/registry/content.ts';
import { Manifests, type ManifestReference } from '#engine/registry/manifests.ts';
import { Mirrors } from '#engine/registry/mirrors.ts';
import type { BlobCare, RegistryParts } from '#engine/registry/parts.ts';
import { Serving, type ServingParts } from '#engine/registry/serving.ts';
import { RegistryVerifier, type Finding } from '#engine/registry/verifying.ts';
import { Webhooks } from '#engine/registry/webhooks.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { RegistryClient } from '#ports/registry-client.ts';
import type { Collection } from '#ports/state-store.ts';
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

export interface RepositorySummary {
  name: string;
  tags: number;
  manifests: number;
  /** Bytes of its blobs and manifests, each once. */
  size: number;
  upstream?: string;
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
  readonly #parts: RegistryParts;
  readonly #collector: RegistryCollector;
  readonly #verifier: RegistryVerifier;
  readonly #rules: Collection<RetentionRule>;
  readonly #stop = new AbortController();
  #tended = Promise.resolve();

  constructor(options: RegistryOptions) {
    const { store, clock, care } = options;
    const content = new Content(store);
    this.webhooks = new Webhooks(options);
    const parts = { ...options, content, announce: this.webhooks.announce.bind(this.webhooks) };
    this.#parts = parts;
    this.#rules = store.collection<RetentionRule>('registry-retention');
    this.accounts = new Accounts(options);
    this.access = new Access(this.accounts, clock);
    this.uploads = new BlobUploads(parts);
    this.blobs = new RepositoryBlobs(parts);
    this.manifests = new Manifests(parts);
    this.mirrors = new Mirrors(parts, this.manifests);
    this.#collector = new RegistryCollector(parts, this.uploads, this.blobs);
    this.#verifier = new RegistryVerifier(parts, this.mirrors);
    this.serving = new Serving({ ...options, hasUsers: () => !this.accounts.isOpen });
    // Before anything collects.
    care.keptBy((digest) => content.needs(digest));
  }

  async start(): Promise<void> {
    await this.uploads.recover();
    this.webhooks.start();
    this.#tended = this.#tend();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.webhooks.close();
    await this.serving.close();
    await this.#tended;
  }

  /** HOST[:PORT] of this registry while it is served. */
  isNamed(registry: string): boolean {
    return this.serving.isNamed(registry);
  }

  /** Sorted. */
  repositories(isShown: (name: string) => boolean = () => true): string[] {
    return this.#parts.content.repositories().filter(isShown);
  }

  summaries(): RepositorySummary[] {
    return this.repositories().map((name) => {
      const { content } = this.#parts;
      const manifests = content.manifests(name);
      const sizes = new Map([...manifests, ...content.links(name)].map(({ blob, size }) => [blob, size]));
      const upstream = this.mirrors.upstream(name);
      return {
        ...{ name, tags: content.tags(name).length, manifests: manifests.length },
        size: [...sizes.values()].reduce((sum, size) => sum + size, 0),
        ...(upstream !== undefined && { upstream: `${upstream.registry}/${upstream.repository}` }),
      };
    });
  }

  /** What it keeps, by blob: bytes. */
  storedBlobs(): Map<string, number> {
    const { content } = this.#parts;
    const all = content
      .repositories()
      .flatMap((name) => [...content.manifests(name), ...content.links(name)]);
    return new Map(all.map(({ blob, size }) => [blob, size]));
  }

  /** @throws not-found `registry-name-unknown` */
  tagRecords(
    repository: string,
  ): { tag: string; digest: string; pushed: string; by: string; pulled?: string; size: number }[] {
    const { content } = this.#parts;
    return this.manifests.tags(repository).flatMap((name) => {
      const record = content.tag(repository, name);
      if (record === undefined) return [];
      const { tag, digest, pushed, by, pulled } = record;
      return [
        {
          tag,
          digest,
          pushed,
          by,
          ...(pulled !== undefined && { pulled }),
          size: this.#sizeOf(repository, digest),
        },
      ];
    });
  }

  /** Finds a manifest, of a mirrored repository at its upstream, and counts as its pull. */
  async pull(
    name: string,
    reference: ManifestReference,
    by: string,
    signal: AbortSignal,
  ): Promise<{ record: ManifestRecord; content: Buffer }> {
    const record = await this.find(name, reference, signal);
    const content = await this.#parts.blobs.read(record.blob);
    this.manifests.pulled(record, reference, by);
    return { record, content };
  }

  /** @throws not-found `registry-manifest-unknown` */
  async find(name: string, reference: ManifestReference, signal: AbortSignal): Promise<ManifestRecord> {
    const repository = checkRepositoryName(name);
    if (this.mirrors.upstream(repository) !== undefined)
      return this.mirrors.manifest(repository, reference, signal);
    const record = this.manifests.find(repository, reference);
    if ((await this.#parts.blobs.stat(record.blob)) !== undefined) return record;
    throw notFound(
      'registry-manifest-unknown',
      `the manifest ${record.digest} was damaged and is set aside`,
      {
        hint: 'push it again',
      },
    );
  }

  /** @throws not-found `registry-blob-unknown` */
  async blob(name: string, digest: ContentDigest, signal: AbortSignal): Promise<LinkRecord> {
    const repository = checkRepositoryName(name);
    if (this.mirrors.upstream(repository) === undefined) return this.blobs.get(repository, digest);
    return this.mirrors.blob(repository, digest, signal);
  }

  open({ blob }: { blob: LinkRecord['blob'] }, range?: { start: number; end?: number }): Promise<Readable> {
    return this.#parts.blobs.open(blob, range);
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

  rules(): RetentionRule[] {
    return this.#rules.entries().map(([, rule]) => rule);
  }

  /** Adds a rule, or changes the one with the same patterns. @throws invalid `registry-rule-invalid` */
  setRule(rule: RetentionRule): RetentionRule {
    this.#rules.put(`${rule.repositories} ${rule.tags}`, checkRule(rule));
    return rule;
  }

  /** @throws not-found `registry-rule-missing` */
  removeRule(repositories: string, tags: string): void {
    const key = `${repositories} ${tags}`;
    if (this.#rules.get(key) === undefined)
      throw notFound('registry-rule-missing', `there is no rule for '${repositories}' and tags '${tags}'`);
    this.#rules.delete(key);
  }

  collect(options: CollectOptions, isDryRun: boolean): Promise<Collected> {
    if (isDryRun) return Promise.resolve(this.#collector.plan(this.rules(), options));
    return this.#collector.collect(this.rules(), options);
  }

  verify(signal: AbortSignal): AsyncGenerator<Finding> {
    return this.#verifier.verify(signal);
  }

  secretsInUse(): { secret: string; holder: string }[] {
    return [...this.webhooks.secretsInUse(), ...this.mirrors.secretsInUse()];
  }

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

  /** Collects and renews every hour. */
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
        await this.serving.renew();
      } catch (error) {
        report('the registry could not be tidied up', error);
      }
    }
  }
}
