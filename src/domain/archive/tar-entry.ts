export type TarType = 'file' | 'hard-link' | 'symlink' | 'directory' | 'character' | 'block' | 'fifo';

/**
 * One member of a tar archive. Names are byte strings: one character (0 to 255) for each byte, because
 * names on disk need not be UTF-8. `Buffer.from(name, 'latin1')` gives the bytes.
 */
export interface TarEntry {
  name: string;
  type: TarType;
  /** Target of a link, as it stands in the archive; '' for the rest. */
  linkName: string;
  /** Permission bits with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of the file's content; with holes, where it is sparse. */
  size: number;
  /** Seconds since 1970, with a fraction. */
  mtime: number;
  /** Numbers of a device node. */
  major: number;
  minor: number;
  xattrs: Map<string, Uint8Array>;
  /** Pieces of the file that the archive holds; what is between them is zeros. */
  sparse?: SparsePiece[];
}

export interface SparsePiece {
  offset: number;
  size: number;
}

export const blockSize = 512;

/** Bytes that fill a member of `size` bytes up to the next block. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** The byte string of `bytes`. */
export function byteString(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4096)
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  return text;
}

/** The reverse of `byteString`. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
