/** A file, folder or other node of a tree whose files lie in one file of this machine. */
export interface PackedEntry {
  /** Below the tree's root, '' for that itself; a byte string. */
  path: string;
  kind: 'file' | 'directory' | 'symlink' | 'device';
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970, with a fraction. */
  mtime: number;
  size: number;
  /** Where a symbolic link leads to; '' for the rest. A byte string. */
  linkName: string;
  /** Where the file's bytes begin in the pack. */
  offset: number;
  /** SHA-256 of the file's bytes, in hex. */
  content: string;
  /** Of a device or pipe. */
  node?: DeviceNode;
  /** A further name of the file with this path, which came before. */
  sameAs?: string;
  /** Extended attributes of a file; names are byte strings. */
  xattrs?: ReadonlyMap<string, Uint8Array>;
}

export interface DeviceNode {
  type: 'character' | 'block' | 'fifo';
  /** As mknod(2) takes it; 0 for a pipe. */
  number: number;
}

/** A tree whose files lie one after another in a file. */
export interface PackedFiles {
  /** Absolute path of the file. */
  pack: string;
  /** A folder before what it holds; each path once. */
  entries: readonly PackedEntry[];
  /** Nobody reads in the pack any more; idempotent. */
  release(): Promise<void>;
}
