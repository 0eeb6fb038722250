import type { Readable } from 'node:stream';
import type { ModeChange } from '#domain/build/mode.ts';
import type { PackedFiles } from '#ports/packed-files.ts';

/** A path inside a root folder. Symbolic links are followed as if the root were `/`: nothing outside is reached. */
export interface Place {
  /** Absolute path of an existing folder. */
  root: string;
  /** Absolute inside the root, or relative to it. */
  path: string;
}

/** Where files are written. */
export interface WritablePlace extends Place {
  /**
   * Where the root is an overlay that nobody else uses: the folder in which it keeps what is written, with owners as the
   * root has them. What is in new folders may be made right there.
   */
  upper?: string;
}

export interface Owner {
  uid: number;
  gid: number;
}

export interface FileFacts {
  kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Bytes. */
  size: number;
}

export interface Filter {
  /** Whether a path, relative to the root, is taken. */
  keeps?: (path: string) => boolean;
  /** Whether a path, relative to where the walk begins, is left out all the same. */
  leavesOut?: (path: string) => boolean;
  /** Nothing is taken below a folder that is not taken itself: it is not even looked into. */
  prunes?: boolean;
}

export interface CopyRules extends Filter {
  /** Of all that is made; absent: as the source has it. */
  owner?: Owner;
  /** Permission bits of all that is made; absent: as the source has them. */
  mode?: ModeChange;
  /** Permission bits of the target's folders that are missing; absent: 755. */
  folderMode?: number;
  signal?: AbortSignal;
}

/** Trees of files on this machine: contexts and root file systems that a build reads and writes. */
export interface FileTrees {
  /** A new private folder; the id names it until it is removed. */
  createFolder(id: string): Promise<string>;
  /** Idempotent. */
  removeFolder(id: string): Promise<void>;
  /** Ids of the folders there are, for clean-up after a crash. */
  listFolders(): Promise<string[]>;
  /** Undefined when nothing is there. A symbolic link at the end is followed too. */
  stat(place: Place): Promise<FileFacts | undefined>;
  /** Bytes that a tree takes on the disk, files with several names once; 0 when it is not there. */
  size(root: string): Promise<number>;
  /** Undefined when no file is there. @throws invalid `file-too-large` above 4 MiB */
  readText(place: Place): Promise<string | undefined>;
  /** The paths below the root that are taken, relative to it, parents before their children, in order of name. */
  list(root: string, filter: Filter): Promise<string[]>;
  /**
   * A digest over names, kinds, modes, link targets, bytes and attributes of a file or tree, and over the owners if
   * asked. Times do not count. `lasts`: the same place will be asked for again, so that files whose times do not change need not be
   * read again. @throws not-found `file-missing`
   */
  digest(
    place: Place,
    options: Omit<CopyRules, 'owner' | 'mode'> & { owners: boolean; lasts?: boolean },
  ): Promise<string>;
  /**
   * Copies a file to exactly the target, or the contents of a folder into the target folder. What is
   * missing of the target's folders is made (owner as in the rules, else root).
   * @throws not-found `file-missing`, invalid `copy-onto-folder`, `copy-onto-file`
   */
  copy(source: Place, target: WritablePlace, rules: CopyRules): Promise<void>;
  /** Folders that exist stay as they are; `mode` (absent: 755) is that of the last one. @throws invalid `copy-onto-file` */
  makeFolder(place: Place, owner: Owner, mode?: number): Promise<void>;
  /** `folderMode` as in CopyRules. */
  writeFile(
    place: Place,
    content: string,
    options: { owner: Owner; mode: number; folderMode?: number },
  ): Promise<void>;
  /** Removes a file without content or a folder without entries, and nothing else. Idempotent. */
  removeEmpty(place: Place): Promise<void>;
  /** Whether a file is a tar archive, plain or compressed by gzip, bzip2, xz or zstd. */
  isArchive(place: Place): Promise<boolean>;
  /**
   * Unpacks a tar archive, plain or compressed as above, into a folder, which is made. Names and links
   * never lead out of the root.
   * @throws invalid `layer-corrupt`, `layer-path-escapes`; unavailable `decompressor-missing`
   */
  unpack(tar: Readable, place: Place, rules?: Pick<CopyRules, 'owner' | 'signal'>): Promise<void>;
  /**
   * As `unpack` into an empty folder that `createFolder` made; but the files may stay in the archive, where the other calls find
   * them, until `settle`.
   */
  receive(tar: Readable, root: string, rules?: Pick<CopyRules, 'signal'>): Promise<void>;
  /** A tar, not compressed, of what `receive` got for a folder, as long as its files lie in that; undefined otherwise. */
  archive(root: string): Readable | undefined;
  /** The packed files are those of an empty folder that `createFolder` made, as with `receive`; they are let go with the folder. */
  hold(root: string, packed: PackedFiles): Promise<void>;
  /** Has all files of a folder where others than these calls find them. Idempotent. */
  settle(root: string): Promise<void>;
  /** As `unpack` of the archive in a file. */
  unpackFile(archive: Place, place: Place, rules?: Pick<CopyRules, 'owner' | 'signal'>): Promise<void>;
  /**
   * Fetches a URL into a file (mode 600, time from Last-Modified).
   * @throws unavailable `download-failed`, invalid `download-checksum-mismatch`
   */
  download(url: URL, place: Place, options: { checksum?: string; signal: AbortSignal }): Promise<void>;
}
