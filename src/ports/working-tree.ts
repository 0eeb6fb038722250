import type { Readable } from 'node:stream';

export interface TreeListener {
  /**
   * Something became of the path: made, changed, renamed, removed. What, is read from the disk.
   * @param replaced a folder that was there has gone, whatever may be there now
   */
  changed: (path: string, replaced: boolean) => void;
  /** Something cannot be watched; the rest is. */
  problem: (message: string) => void;
}

/** What becomes an archive member; a folder as the frame of others, if it is `isFrame`, does not. */
export interface PackedPath {
  path: string;
  /** In the archive. */
  name: string;
  isFrame: boolean;
}

export interface PackListener {
  /** A file or a link has been packed. */
  packed: (path: string) => void;
  /** The path is left out. */
  problem: (path: string, message: string) => void;
}

/** Files that people work on. Paths are absolute and clean; symbolic links are never followed. */
export interface WorkingTree {
  /** With its symbolic links resolved, as far as it is there. */
  resolved(path: string): Promise<string>;
  /**
   * Watches paths, which need not be there yet, and all below them that `leadsTo` lets in, until the result is closed.
   * What a new folder holds is told too.
   */
  watch(
    paths: readonly string[],
    leadsTo: (path: string) => boolean,
    listener: TreeListener,
  ): Promise<{ close: () => void }>;
  /** The path and all below it that `leadsTo` lets in. */
  list(path: string, leadsTo: (path: string) => boolean): AsyncIterable<string>;
  /** Those of the paths that are not there. */
  missing(paths: readonly string[]): Promise<Set<string>>;
  /** A tar of the very paths, read while it is consumed. What is gone by then is not in it. */
  pack(paths: readonly PackedPath[], listener: PackListener): Readable;
}
