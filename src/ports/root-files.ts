import type { Readable } from 'node:stream';

/** What `docker cp` needs to know of a path. */
export interface PathStat {
  name: string;
  size: number;
  /** Go's os.FileMode: permission bits and its own bits for folder, link, device ... */
  mode: number;
  /** RFC 3339. */
  mtime: string;
  /** Absolute inside the root, resolved; '' unless it is a symbolic link. */
  linkTarget: string;
  isFolder: boolean;
}

/** A folder of the host, and its name in what goes elsewhere: '' for what it holds alone. */
export interface NamedFolder {
  prefix: string;
  folder: string;
}

/**
 * Files inside a container's root file system. Paths are found as the container itself would find them: no
 * symbolic link and no `..` leads out of the root, also when the container changes links meanwhile
 * (openat2(2), RESOLVE_IN_ROOT).
 */
export interface RootFiles {
  /** Of the path itself, not of what a last symbolic link points to. Undefined when it does not exist. */
  stat(root: string, path: string): Promise<PathStat | undefined>;
  /** A tar of the path, named by its last part, a last symbolic link followed when `path` ends in `/` or `/.`. @throws not-found `path-missing` */
  pack(root: string, path: string): Promise<Readable>;
  /** A tar of everything. */
  packAll(root: string): Readable;
  /** As `packAll`, of several folders in one; times later than `epoch` (seconds since 1970) become `epoch`. */
  packFolders(folders: readonly NamedFolder[], epoch?: number): Readable;
  /**
   * Unpacks a tar, plain or compressed, into a folder.
   * @throws not-found `path-missing`; invalid `path-not-folder`, `path-kind-differs` (with `keepKinds`, where a
   * folder would replace something else or the other way round)
   */
  unpack(
    root: string,
    path: string,
    tar: Readable,
    rules: { keepKinds: boolean; owner?: { uid: number; gid: number } },
  ): Promise<void>;
  /**
   * Removes the path itself, a folder with all it holds. Gives false when nothing is there.
   * @throws invalid `path-is-root`; what the system says, such as EBUSY of a folder into which something is mounted
   */
  remove(root: string, path: string): Promise<boolean>;
  /**
   * Copies what a folder of the root holds into an empty folder of the host, owners, modes and times kept, and
   * gives the target the folder's own owner and mode. Nothing happens when the path is no folder or the
   * target is not empty.
   */
  copyUp(root: string, path: string, target: string): Promise<void>;
}
