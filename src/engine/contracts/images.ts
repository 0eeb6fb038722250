import type { Readable } from 'node:stream';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Container } from '#domain/container/container.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import type { ImageIndex, ManifestState } from '#domain/image/image-index.ts';
import type { Descriptor, HistoryEntry, ImageConfig, Platform } from '#domain/image/manifest.ts';
import type { Credentials, SearchResult } from '#ports/registry-client.ts';

/** One line of Docker's progress stream (JSONMessage). */
export interface Progress {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  stream?: string;
  aux?: Record<string, unknown>;
}

export interface PullOptions {
  auth?: Credentials;
  platform?: string;
  onProgress: (progress: Progress) => void;
  signal: AbortSignal;
}

export interface PushOptions extends Omit<PullOptions, 'platform'> {
  /** Only the image for it, where the name stands for several platforms. */
  only?: Platform;
  /** Of layers that are stored uncompressed, instead of the settings' way; `none` leaves them so. */
  compression?: { kind: 'none' | 'gzip' | 'zstd'; level: number };
}

export interface NewImage {
  config: ImageConfig;
  /** Blobs that are in the store already; their snapshots are committed. */
  layers: Descriptor[];
  tags: string[];
  parent?: Digest;
  /** Sum of the unpacked layers' bytes. */
  size: number;
}

export interface NewArtifact {
  layers: Descriptor[];
  config: { mediaType: string; contentOf: (layers: readonly Descriptor[]) => string };
}

/** What an index has of an image. */
export interface IndexEntry extends Annotated {
  id: string;
  /** Attached to it as in-toto statements. */
  predicates?: readonly Predicate[];
}

/** Notes on a manifest or index, and on what names it. */
export interface Annotated {
  annotations?: Readonly<Record<string, string>>;
  descriptor?: Readonly<Record<string, string>>;
}

/** `subjects` are the names that attestations are about. */
export interface NewIndexNames extends Annotated {
  names: readonly string[];
  subjects: readonly string[];
}

/** What a statement says of an image. */
export interface Predicate {
  /** `https://spdx.dev/Document` */
  type: string;
  content: object;
}

export type RemovedImage = { Untagged: string } | { Deleted: string };

export interface Images {
  /**
   * By tag, digest, id or unambiguous start of an id; the one for a platform (`linux/arm64`), where the name stands for
   * several, or else this machine's.
   * @throws not-found `image-missing` "No such image: NAME"; `platform-missing`; invalid `platform-invalid`
   */
  get(name: string, platform?: Platform | string): Image;
  find(name: string, platform?: Platform | string): Image | undefined;
  list(): Image[];
  /** Where a name stands for one. */
  index(name: string): ImageIndex | undefined;
  /** The images that are here only as parts of indexes: they have no names, and go with these. */
  parts(): ReadonlySet<string>;
  /** From a registry, or made on the spot for debian.berth/... @throws as RegistryClient and Bootstrapper */
  pull(name: string, options: PullOptions): Promise<Image>;
  /** Every tag of a repository; of debian.berth/... the one that it has. @throws as `pull` */
  pullAll(name: string, options: PullOptions): Promise<Image[]>;
  /** Gives what the name stands for in the registry then. */
  push(name: string, options: PushOptions): Promise<Descriptor>;
  /** Every tag of a repository. @throws not-found `image-missing` */
  pushAll(name: string, options: PushOptions): Promise<void>;
  /**
   * Makes an index of images, with what is attested of them, and has names stand for it; without names, the id of its first
   * image. @throws not-found `image-missing`
   */
  storeIndex(names: NewIndexNames, entries: readonly IndexEntry[]): Promise<ImageIndex>;
  /** A manifest of an image with annotations of its own; otherwise as `storeIndex`. */
  storeAnnotated(names: readonly string[], image: Annotated & { id: string }): Promise<ImageIndex>;
  /**
   * Layers of the store under a name of a registry, as a manifest with a config of its own that is told how the layers
   * are there. @throws as RegistryClient
   */
  pushArtifact(name: string, artifact: NewArtifact, options: Omit<PullOptions, 'platform'>): Promise<void>;
  /** Writes config and manifest, records the image and moves its tags to it. */
  store(image: NewImage): Promise<Image>;
  /** Of a name for several platforms all of them, unless one is named. */
  tag(name: string, reference: string, platform?: Platform): Promise<void>;
  /** With `platforms` only the images for these, which needs `force`. */
  remove(
    name: string,
    options: { force: boolean; prune: boolean; platforms?: readonly Platform[] },
  ): Promise<RemovedImage[]>;
  /** A `docker save` archive, of Docker's or OCI's layout. Gives the lines that `docker load` prints. */
  load(
    archive: Readable,
    onProgress: (progress: Progress) => void,
    /** Only of these; of any when there are none. */
    platforms?: readonly Platform[],
  ): Promise<void>;
  save(names: readonly string[], platform?: Platform): Readable;
  /** `docker import`: one root file system tar (plain or compressed) becomes an image. */
  importRoot(
    tar: Readable,
    options: { reference?: string; changes: string[]; message: string; platform?: string },
  ): Promise<Image>;
  /** As `importRoot`, of an archive that a web server has. */
  importUrl(
    url: string,
    options: Parameters<Images['importRoot']>[1],
    from: { onProgress: (progress: Progress) => void; signal: AbortSignal },
  ): Promise<Image>;
  /** `docker search`: asks the index of the registry that the term begins with, else Docker Hub. */
  search(
    term: string,
    limit: number,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<SearchResult[]>;
  /** Adds one who knows users of images: the rooms containers and apps. */
  usedBy(source: (imageId: string) => ImageUser[]): void;
  /** What a name stands for: a manifest, or an index. */
  descriptor(name: string, platform?: Platform): Promise<Descriptor>;
  /** The manifest of one image, as an index would name it. */
  manifestOf(id: string): Promise<Descriptor>;
  /** The entries of the index that a name stands for, or its one manifest. */
  manifests(name: string): Promise<ManifestState[]>;
  /** `docker history`: from the top down, with the bytes that each step added. */
  history(name: string, platform?: Platform): Promise<{ entry: HistoryEntry; size: number }[]>;
  /** `docker commit`: what a container changed becomes a layer on its image. */
  commit(container: Container, options: CommitOptions): Promise<Image>;
  /**
   * Removes the images that `accepts` takes and no container uses: those without a name, or with `all` any. Unless `parents` is
   * false, with the nameless ones that they were built upon and nobody else needs.
   */
  prune(options: {
    all: boolean;
    accepts: (image: Image) => boolean;
    parents?: boolean;
  }): Promise<{ removed: RemovedImage[]; bytes: number }>;
  /** What a registry has under a name, without pulling it. @throws as RegistryClient */
  inspectRemote(
    name: string,
    auth: Credentials | undefined,
    signal: AbortSignal,
  ): Promise<{ descriptor: Descriptor; platforms: Platform[] }>;
  /** `docker login`. @throws unauthorized `registry-denied` */
  login(server: string, auth: Credentials): Promise<{ status: string; identityToken: string }>;
  /** Removes, of blobs and snapshots, those that nobody needs. */
  collect(digests: Digest[]): Promise<void>;
  /** Keeps blobs and snapshots from being collected while a build or a pull works with them. */
  lease(): Lease;
}

export interface CommitOptions {
  reference?: string;
  comment: string;
  author: string;
  /** Replaces the container's where given. */
  config?: ContainerConfig;
  /** Dockerfile instructions. */
  changes: string[];
}

/** A container, or something else in words: `revision 3 of the app shop`. */
export type ImageUser = { containerId: string; running: boolean } | { holder: string };

/** Names what must not be collected until `close`: blobs by digest, committed snapshots by chain id. */
export interface Lease extends AsyncDisposable {
  /** From when this resolves until `close`, what is there under these digests stays. */
  hold(...digests: Digest[]): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
