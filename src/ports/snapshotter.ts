import type { Readable } from 'node:stream';
import type { ByteReader } from '#base/byte-reader.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { LayerBound } from '#domain/image/layer-limit.ts';

export interface LayerInfo {
  /** Digest of the uncompressed tar. */
  diffId: Digest;
  /** Bytes that the unpacked files hold. */
  size: number;
}

export type ChangeKind = 'modified' | 'added' | 'deleted';

/** One path that a writable snapshot changed, absolute inside the root. */
export interface Change {
  path: string;
  kind: ChangeKind;
}

/** A layer's tar, packed or plain. Whoever is given it closes it. */
export type LayerSource = Readable | ByteReader;

/** A layer that is unpacked and has no place yet. Let go of before it has one, it is gone. */
export interface StagedLayer extends AsyncDisposable {
  readonly info: LayerInfo;
  /**
   * Makes it visible as `chainId` on top of `parent`, at once and whole; where that is there already it is not needed.
   * @throws invalid `layer-digest-mismatch`
   */
  place(chainId: Digest, parent: Digest | '', expected?: Digest): Promise<LayerInfo>;
}

export interface DiffOptions {
  /** Seconds; later times become this one. */
  epoch?: number | undefined;
  /** Is told at the end what the files in it hold, in bytes: what `usage` would have said meanwhile. */
  onSize?: (size: number) => void;
  /** Paths that are left out, such as `/etc/hosts`; of a folder also all below it. */
  without?: readonly string[];
}

/**
 * File systems in layers. A committed snapshot is read-only and keyed by its chain id (OCI image
 * specification, config.md, Layer ChainID); an active snapshot is writable and keyed by its owner
 * (a container's id, a build step). An active snapshot can be mounted; a committed one is used as a parent.
 * No layer waits for the disk: one that a power cut takes is not there at the next start of the machine, all of it. So its
 * tar has to be on the disk, as a blob, before it becomes visible.
 */
export interface Snapshotter {
  isCommitted(chainId: Digest): Promise<boolean>;
  /**
   * Unpacks a layer tar, plain or compressed with gzip or zstd, on top of `parent` ('' for none) and makes it visible as `chainId`
   * at once and whole. Already there: the tar is not read.
   * Paths never leave the layer; a diff id other than `expected` is refused.
   * @throws invalid `layer-digest-mismatch`, `layer-path-escapes`, `layer-corrupt`, `layer-too-large`; unsupported `compression-unsupported`
   */
  unpack(
    chainId: Digest,
    parent: Digest | '',
    layer: LayerSource,
    expected?: Digest,
    bound?: LayerBound,
  ): Promise<LayerInfo>;
  /** Unpacks a layer tar of which is not known yet where it belongs. @throws as `unpack` */
  stage(layer: LayerSource, bound?: LayerBound): Promise<StagedLayer>;
  /** Makes an active snapshot. @throws not-found `snapshot-missing` for the parent, conflict `snapshot-exists` */
  create(key: string, parent: Digest | ''): Promise<void>;
  /**
   * Mounts an active snapshot and gives the absolute path of its root. Mounted already: the same path, as it is.
   * Where ids are remapped, `ids` says whether its files are seen by the host's, as a container needs it (the default),
   * or by the container's, for whoever works on them from outside; each snapshot in one of the two ways only.
   * `volatile`: what is written waits for no disk, also where a program asks for that, until `commit`; after an unmount it
   * can only be read, committed or removed.
   */
  mount(key: string, ids?: 'host' | 'container', writes?: 'durable' | 'volatile'): Promise<string>;
  /**
   * The folder of this machine in which an active snapshot keeps what is written into it, with owners as `ids` says of its mount. While only
   * one program uses that, it may write the contents of folders that are new in the snapshot right there.
   */
  written(key: string, ids: 'host' | 'container'): string;
  /** Idempotent. */
  unmount(key: string): Promise<void>;
  /** Unmounts and removes an active snapshot. Idempotent. */
  remove(key: string): Promise<void>;
  /** Mounts a committed snapshot read-only for `use` and unmounts it afterwards; its owners are the container's ids. */
  view<T>(chainId: Digest | '', use: (root: string) => Promise<T>): Promise<T>;
  /** What an active snapshot changed against its parent, sorted by path. */
  changes(key: string): Promise<Change[]>;
  /** The changes of an active snapshot as an OCI layer tar, entries sorted. The caller closes it. */
  diff(key: string, options?: DiffOptions): ByteReader;
  /**
   * Makes an active snapshot, unmounted, the committed snapshot `chainId` without copying; the active one is gone.
   * `size`: its `usage`, where the caller knows it.
   */
  commit(key: string, chainId: Digest, size?: number): Promise<void>;
  /** Bytes that the active snapshot itself holds. */
  usage(key: string): Promise<number>;
  /** Removes a committed snapshot that nothing builds upon. Idempotent. @throws conflict `snapshot-in-use` */
  removeCommitted(chainId: Digest): Promise<void>;
  /** Resolves when all committed snapshots are on the disk: they may be written out a little after they are made. */
  persist(): Promise<void>;
  /** Resolves when the space of what was removed is free: trees may be removed in the background. */
  settled(): Promise<void>;
  /** For clean-up after a crash. */
  listActive(): Promise<string[]>;
  listCommitted(): Promise<{ chainId: Digest; parent: Digest | ''; size: number }[]>;
}
