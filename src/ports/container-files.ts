/** Absolute host paths of the files that a container finds in /etc. */
export interface EtcPaths {
  hosts: string;
  hostname: string;
  resolvConf: string;
}

/** A file with its owner and mode. */
export interface FileContent {
  content: Uint8Array;
  uid: number;
  gid: number;
  mode: number;
}

/** The small files of the host that belong to containers, and the host's folders that they bind. */
export interface ContainerFiles {
  paths(id: string): EtcPaths;
  /** Writes or replaces the files of a container, in place: a running container sees the new text. */
  write(id: string, texts: EtcPaths): Promise<void>;
  /** Unmounts too. Idempotent. */
  remove(id: string): Promise<void>;
  /** A tmpfs for a container that shares its /dev/shm with others. Gives its path. */
  mountShm(id: string, bytes: number): Promise<string>;
  shmPath(id: string): string;
  /**
   * Binds a part of a folder, found as a process with that root would, at a path of the container's own: later
   * changes of the folder's links lead nowhere else. Gives that path.
   * @param number tells the parts of one container apart
   * @throws invalid `mount-invalid` when there is nothing
   */
  mountPart(id: string, number: number, folder: string, subpath: string): Promise<string>;
  /**
   * Puts contents into files of a tmpfs of the container's own: read-only, never swapped where the kernel can do that
   * (Linux 6.4). Gives their paths, in the same order.
   */
  mountContents(id: string, files: readonly FileContent[]): Promise<string[]>;
  /** Of the mount of the host in which a path lies. */
  mountOf(path: string): Promise<{ mountPoint: string; propagation: 'private' | 'slave' | 'shared' }>;
  /** Everything of a container that `mountShm`, `mountPart` and `mountContents` made. Idempotent. */
  unmountAll(id: string): Promise<void>;
  /** Ids with files, for clean-up after a crash. */
  list(): Promise<string[]>;
  /** Of a path of the host, symbolic links followed. */
  kind(path: string): Promise<'folder' | 'other' | undefined>;
  /** Makes a folder of the host with its parents. */
  makeFolder(path: string): Promise<void>;
  /** What the host itself has, for the network mode `host`. */
  ofHost(): Promise<EtcPaths>;
}
