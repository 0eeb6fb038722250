import type { Readable } from 'node:stream';
import { KeyedMutex } from '#base/mutex.ts';
import type { Container } from '#domain/container/container.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { parsePlatform } from '#domain/image/platform.ts';
import type { ImageIndex, ManifestState } from '#domain/image/image-index.ts';
import type { Descriptor, HistoryEntry, Platform } from '#domain/image/manifest.ts';
import { familiarName, newName } from '#domain/image/reference.ts';
import type {
  Annotated,
  CommitOptions,
  Events,
  Images as ImagesContract,
  ImageUser,
  IndexEntry,
  Lease,
  NewArtifact,
  NewImage,
  NewIndexNames,
  Progress,
  PullOptions,
  PushOptions,
  RemovedImage,
} from '#engine/contracts.ts';
import type { BaseImages } from '#engine/images/base-images.ts';
import { Catalog } from '#engine/images/catalog.ts';
import { Collector } from '#engine/images/collector.ts';
import { ImageContents } from '#engine/images/contents.ts';
import { commitContainer } from '#engine/images/committing.ts';
import { historyOf } from '#engine/images/history.ts';
import { importRoot, importUrl, type ImportOptions, type ImportSource } from '#engine/images/importing.ts';
import { storeAnnotated, storeIndex } from '#engine/images/indexes.ts';
import { labelledEvents } from '#engine/images/labelled-events.ts';
import { Layers } from '#engine/images/layers.ts';
import { IngestJournal } from '#engine/images/ingest-journal.ts';
import { Leases } from '#engine/images/leases.ts';
import { loadArchive } from '#engine/images/loading.ts';
import { Manifests } from '#engine/images/manifests.ts';
import { allTried } from '#base/all-tried.ts';
import { mendSnapshots } from '#engine/images/mending.ts';
import type { Parts } from '#engine/images/parts.ts';
import { pruneImages } from '#engine/images/pruning.ts';
import { pullAllTags, pullImage } from '#engine/images/pulling.ts';
import { pushArtifact } from '#engine/images/pushing-artifacts.ts';
import { pushAllTags, pushImage } from '#engine/images/pushing.ts';
import { inspectRemote } from '#engine/images/remote.ts';
import { storeImage } from '#engine/images/recording.ts';
import { removeImage } from '#engine/images/removing.ts';
import { saveImages } from '#engine/images/saving.ts';
import { searchImages } from '#engine/images/searching.ts';
import { sweepIndexes } from '#engine/images/sweeping.ts';
import { forgetPacked, type PackedLayer } from '#engine/images/sending.ts';
import type { TransferRules } from '#engine/images/transfer-rules.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Decompressor } from '#ports/decompressor.ts';
import type { Downloads } from '#ports/downloads.ts';
import type { Credentials, RegistryClient, SearchResult } from '#ports/registry-client.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { StateStore } from '#ports/state-store.ts';

export interface ImagesOptions {
  blobs: BlobStore;
  snapshots: Snapshotter;
  registry: RegistryClient;
  downloads: Downloads;
  decompressor: Decompressor;
  bases: BaseImages;
  state: StateStore;
  clock: Clock;
  events: Events;
  /** The host's, in Go's words: `{ os: 'linux', architecture: 'amd64' }`. */
  platform: Platform;
  rules: TransferRules;
}

/** The images of this store. The catalog is in memory and written through; contents are in blob store and snapshotter. */
export class Images implements ImagesContract {
  /** What images are made of. */
  readonly contents: ImageContents;
  readonly #parts: Parts;
  readonly #locks = new KeyedMutex();
  readonly #userSources: ((imageId: string) => ImageUser[])[] = [];
  readonly #manifests: Manifests;

  constructor({ state, ...options }: ImagesOptions) {
    const catalog = new Catalog(state);
    const leases = new Leases();
    const journal = new IngestJournal(state);
    const { blobs, snapshots } = options;
    const images = (): Image[] => catalog.all();
    const indexes = (): ImageIndex[] => catalog.indexes.all();
    const collector = new Collector({ blobs, snapshots, leases, journal, images, indexes });
    const layers = new Layers(blobs, snapshots, options.rules.limits);
    const packed = state.collection<PackedLayer>('packed-layers');
    const events = labelledEvents(options.events, (name) => catalog.find(name));
    this.#parts = { ...options, events, catalog, leases, journal, collector, layers, packed };
    this.#manifests = new Manifests(this.#parts);
    this.contents = new ImageContents(this.#parts, (id) => this.users(id));
  }

  /**
   * Removes what an interrupted pull, load or import left, and unpacks layers whose snapshots are gone. What fails keeps
   * nothing else from being done. @throws the first failure
   */
  async start(): Promise<void> {
    const { blobs, clock, rules, collector } = this.#parts;
    await allTried([
      () => collector.recover(),
      () => mendSnapshots(this.#parts),
      () => blobs.removePartial(clock.now() - rules.keepPartial),
      () => forgetPacked(this.#parts),
    ]);
  }

  get(name: string, platform?: Platform | string): Image {
    return this.#parts.catalog.get(name, this.#wanted(platform));
  }

  find(name: string, platform?: Platform | string): Image | undefined {
    return this.#parts.catalog.find(name, this.#wanted(platform));
  }

  #wanted(platform: Platform | string | undefined): Platform | undefined {
    if (platform === '') return undefined;
    return typeof platform === 'string' ? parsePlatform(platform, this.#parts.platform) : platform;
  }

  index(name: string): ImageIndex | undefined {
    return this.#parts.catalog.indexOf(name);
  }

  parts(): ReadonlySet<Digest> {
    return this.#parts.catalog.parts();
  }

  list(): Image[] {
    return this.#parts.catalog.all();
  }

  async pull(name: string, options: PullOptions): Promise<Image> {
    const image = await pullImage(this.#parts, name, options);
    await this.#sweep();
    return image;
  }

  async pullAll(name: string, options: PullOptions): Promise<Image[]> {
    const images = await pullAllTags(this.#parts, name, options);
    await this.#sweep();
    return images;
  }

  push(name: string, options: PushOptions): Promise<Descriptor> {
    return pushImage(this.#parts, name, options);
  }

  pushAll(name: string, options: PushOptions): Promise<void> {
    return pushAllTags(this.#parts, name, options);
  }

  async storeIndex(names: NewIndexNames, entries: readonly IndexEntry[]): Promise<ImageIndex> {
    const index = await this.contents.ingest((lease) => storeIndex(this.#parts, names, entries, lease));
    await this.#sweep();
    return index;
  }

  async storeAnnotated(names: readonly string[], image: Annotated & { id: string }): Promise<ImageIndex> {
    const index = await this.contents.ingest((lease) => storeAnnotated(this.#parts, names, image, lease));
    await this.#sweep();
    return index;
  }

  pushArtifact(name: string, artifact: NewArtifact, options: Omit<PullOptions, 'platform'>): Promise<void> {
    return pushArtifact(this.#parts, name, artifact, options);
  }

  async store(image: NewImage): Promise<Image> {
    await using lease = this.lease();
    const stored = await storeImage(this.#parts, image, lease);
    this.#parts.events.emit('image', 'create', stored.id, { name: stored.id });
    return stored;
  }

  async tag(name: string, reference: string, platform?: Platform): Promise<void> {
    const { catalog } = this.#parts;
    const image = this.get(name, platform);
    const full = newName(reference);
    await this.#locks.run(image.id, () => {
      const index = platform === undefined ? catalog.indexOf(name) : undefined;
      catalog.tag(catalog.get(image.id), full, index);
      return Promise.resolve();
    });
    await this.#sweep();
    this.#parts.events.emit('image', 'tag', image.id, { name: familiarName(full) });
  }

  async remove(
    name: string,
    options: { force: boolean; prune: boolean; platforms?: readonly Platform[] },
  ): Promise<RemovedImage[]> {
    return await this.#locks.run(this.get(name).id, async () => {
      const removed = await removeImage(this.#parts, (id) => this.users(id), name, options);
      return [...removed, ...(await this.#sweep())];
    });
  }

  /** What indexes held that names stand for no longer: now, or what a crash left, once everybody tells what they use. */
  #sweep(): Promise<RemovedImage[]> {
    return sweepIndexes(this.#parts, (id) => this.users(id));
  }

  async load(
    archive: Readable,
    onProgress: (progress: Progress) => void,
    platforms: readonly Platform[] = [],
  ): Promise<void> {
    await loadArchive(this.#parts, archive, { onProgress, platforms });
    await this.#sweep();
  }

  save(names: readonly string[], platform?: Platform): Readable {
    return saveImages(this.#parts, names, platform);
  }

  importRoot(tar: Readable, options: ImportOptions): Promise<Image> {
    return importRoot(this.#parts, tar, options);
  }

  importUrl(url: string, options: ImportOptions, from: ImportSource): Promise<Image> {
    return importUrl(this.#parts, url, options, from);
  }

  search(
    term: string,
    limit: number,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<SearchResult[]> {
    return searchImages(this.#parts.registry, { term, limit }, auth, signal);
  }

  descriptor(name: string, platform?: Platform): Promise<Descriptor> {
    return this.#manifests.target(name, platform);
  }

  manifestOf(id: string): Promise<Descriptor> {
    return this.#manifests.of(this.get(id));
  }

  manifests(name: string): Promise<ManifestState[]> {
    return this.#manifests.states(name);
  }

  history(name: string, platform?: Platform): Promise<{ entry: HistoryEntry; size: number }[]> {
    return historyOf(this.#parts, this.get(name, platform));
  }

  commit(container: Container, options: CommitOptions): Promise<Image> {
    return commitContainer(this.#parts, container, options);
  }

  async prune(options: Parameters<ImagesContract['prune']>[0]): ReturnType<ImagesContract['prune']> {
    await this.#sweep();
    return await pruneImages(
      this.#parts,
      options,
      (id) => this.users(id),
      (name) => this.remove(name, { force: false, prune: options.parents ?? true }),
    );
  }

  inspectRemote(
    name: string,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): ReturnType<ImagesContract['inspectRemote']> {
    return inspectRemote(this.#parts, name, auth, signal);
  }

  login(server: string, auth: Credentials): Promise<{ status: string; identityToken: string }> {
    return this.#parts.registry.login(server, auth);
  }

  collect(digests: Digest[]): Promise<void> {
    return this.#parts.collector.collectAll(digests);
  }

  usedBy(source: (imageId: string) => ImageUser[]): void {
    this.#userSources.push(source);
  }

  /** Who needs an image. */
  users(imageId: string): ImageUser[] {
    return this.#userSources.flatMap((source) => source(imageId));
  }

  lease(): Lease {
    return this.#parts.leases.open();
  }
}
