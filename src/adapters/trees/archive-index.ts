import { createHash, hash as hashOf, type Hash } from 'node:crypto';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';
import type { PackedEntry } from '#ports/packed-files.ts';

const longestName = 255;

/**
 * Reads where in a tar archive each file lies, with the digests of their contents. Synchronous.
 * An archive in which a member's place depends on an earlier one (links as folders, hard links, names that come twice), or
 * that has what cannot be told here (devices, holes, capabilities), is none that has an index.
 */
export class ArchiveIndex {
  readonly #entries = new Map<string, PackedEntry>();
  readonly #parser: TarParser;
  #plain = true;
  /** Bytes of the archive before the chunk in work, and that chunk. */
  #before = 0;
  #chunk: Uint8Array = new Uint8Array();
  #file: PackedEntry | undefined;
  #hash: Hash | undefined;

  constructor() {
    this.#parser = new TarParser({
      entry: (entry) => this.#entry(entry),
      data: (bytes, position) => this.#data(bytes, position),
      end: () => this.#end(),
    });
  }

  /** @throws invalid `layer-corrupt` */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#parser.push(chunk);
    this.#before += chunk.length;
  }

  /** Undefined for an archive that has to be unpacked. @throws invalid `layer-corrupt` */
  end(): PackedEntry[] | undefined {
    this.#parser.end();
    return this.#plain ? [...this.#entries.values()] : undefined;
  }

  #entry(entry: TarEntry): void {
    this.#file = undefined;
    const path = plainPath(entry.name);
    if (path === undefined || !isPlain(entry) || !this.#fits(path, entry)) this.#plain = false;
    if (!this.#plain || path === undefined || !isTold(entry.type)) return;
    const { mode, uid, gid, mtime, size, linkName } = entry;
    const told = { path, kind: entry.type, mode, uid, gid, mtime, linkName, offset: 0, content: '' };
    const found: PackedEntry = { ...told, size: entry.type === 'file' ? size : 0 };
    this.#entries.set(path, found);
    if (found.kind !== 'file') return;
    this.#file = found;
    if (size === 0) found.content = hashOf('sha256', '');
  }

  #fits(path: string, { type }: TarEntry): boolean {
    if (path === '') return type === 'directory';
    const there = this.#entries.get(path);
    if (there !== undefined) return there.kind === 'directory' && type === 'directory';
    return this.#openParent(path);
  }

  /** Folders that no member names are made as unpacking makes them. */
  #openParent(path: string): boolean {
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    const there = this.#entries.get(parent);
    if (parent === '' || there !== undefined) return parent === '' || there?.kind === 'directory';
    if (!this.#openParent(parent)) return false;
    this.#entries.set(parent, impliedFolder(parent));
    return true;
  }

  #data(bytes: Uint8Array, position: number): void {
    const file = this.#file;
    if (file === undefined) return;
    if (position === 0) file.offset = this.#before + bytes.byteOffset - this.#chunk.byteOffset;
    if (bytes.length === file.size) {
      file.content = hashOf('sha256', bytes);
      return;
    }
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
  }

  #end(): void {
    if (this.#file !== undefined && this.#hash !== undefined) this.#file.content = this.#hash.digest('hex');
    this.#file = undefined;
    this.#hash = undefined;
  }
}

export function impliedFolder(path: string): PackedEntry {
  const nobody = { uid: 0, gid: 0, mtime: Date.now() / 1000 };
  return { path, kind: 'directory', mode: 0o755, ...nobody, size: 0, linkName: '', offset: 0, content: '' };
}

/** Undefined for a name that unpacking works off or refuses. */
function plainPath(name: string): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.includes('\0') || parts.some((part) => part === '..' || part.length > longestName))
    return undefined;
  return parts.join('/');
}

function isPlain({ type, sparse, xattrs, linkName }: TarEntry): boolean {
  if (!isTold(type) || sparse !== undefined || xattrs.size > 0) return false;
  return type !== 'symlink' || (linkName !== '' && !linkName.includes('\0') && linkName.length < 4096);
}

function isTold(type: TarEntry['type']): type is Exclude<PackedEntry['kind'], 'device'> {
  return type === 'file' || type === 'directory' || type === 'symlink';
}
