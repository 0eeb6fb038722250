/** Absolute host paths of the files that a container finds in /etc. */
export interface EtcPaths {
  hosts: string;
  hostname: string;
  resolvConf: string;
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
  /** Idempotent. */
  unmountShm(id: string): Promise<void>;
  /** Ids with files, for clean-up after a crash. */
  list(): Promise<string[]>;
  /** Of a path of the host, symbolic links followed. */
  kind(path: string): Promise<'folder' | 'other' | undefined>;
  /** Makes a folder of the host with its parents. */
  makeFolder(path: string): Promise<void>;
  /** What the host itself has, for the network mode `host`. */
  ofHost(): Promise<EtcPaths>;
}
