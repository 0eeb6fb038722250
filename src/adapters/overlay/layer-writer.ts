import { lstatOrUndefined, text } from '#adapters/files/byte-path.ts';
import { MemberPaths } from '#adapters/files/private-root.ts';
import { TreeWriter } from '#adapters/files/tree-writer.ts';
import { mknod, setXattr } from '#adapters/linux/libc.ts';
import { OPAQUE, whiteoutDevice, whiteoutOf, type Whiteout } from '#adapters/overlay/whiteout.ts';
import { toHost, type IdMappings } from '#domain/user-namespace/id-mappings.ts';
import { systemCode } from '#base/errors.ts';
import type { TarEntry } from '#domain/archive/tar-entry.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import type { TarListener } from '#domain/archive/tar-parser.ts';

/**
 * Writes a layer's members into a folder, as overlayfs wants a lower directory: a `TreeWriter` that knows
 * whiteouts. All calls are synchronous, so it belongs into a worker.
 */
export class LayerWriter implements TarListener {
  readonly #paths: MemberPaths;
  readonly #tree: TreeWriter;
  readonly #mappings: IdMappings | undefined;
  #size = 0;

  /**
   * @param root a byte string: an absolute path of an existing folder
   * @param mappings where owners are remapped on disk: one that has no id there is refused
   */
  constructor(root: string, mappings?: IdMappings) {
    this.#mappings = mappings;
    this.#paths = new MemberPaths(root);
    this.#tree = new TreeWriter(this.#paths);
  }

  /** Bytes of all files. */
  get size(): number {
    return this.#size;
  }

  entry(entry: TarEntry): void {
    try {
      const relative = this.#paths.resolve(entry.name);
      const whiteout = whiteoutOf(relative);
      if (whiteout === undefined) this.#member(entry, relative);
      else this.#whiteout(whiteout);
    } catch (error) {
      if (systemCode(error) !== 'ENAMETOOLONG') throw error;
      throw corrupt(
        `the name or target of '${entry.name.slice(0, 60)}...' is longer than a file system takes`,
      );
    }
  }

  data(chunk: Uint8Array, position: number): void {
    this.#tree.data(chunk, position);
  }

  end(): void {
    this.#tree.end();
  }

  /** Sets what could not be set before all members were there. */
  finish(): void {
    this.#tree.finish();
  }

  /** Idempotent; frees the file in work. */
  close(): void {
    this.#tree.close();
  }

  #member(entry: TarEntry, relative: string): void {
    // A folder in place of what this layer deleted hides what the lower layers have there.
    const hides = entry.type === 'directory' && this.#isDeleted(relative);
    if (this.#mappings !== undefined) toHost(this.#mappings, entry);
    this.#tree.entry(entry, relative);
    if (hides) this.#makeOpaque(relative);
    if (entry.type === 'file') this.#size += entry.size;
  }

  #whiteout(whiteout: Whiteout): void {
    if (whiteout.kind === 'ignored') return;
    if (whiteout.kind === 'opaque') {
      // The name of the marker was resolved, so its folder exists.
      this.#makeOpaque(whiteout.folder);
      return;
    }
    // A whiteout hides what is below this layer only (OCI image specification, layer.md, Whiteouts).
    const path = this.#paths.absolute(whiteout.path);
    const found = lstatOrUndefined(path);
    if (found === undefined) mknod(text(path), 0o020000, whiteoutDevice);
    else if (found.isDirectory()) this.#makeOpaque(whiteout.path);
  }

  #isDeleted(relative: string): boolean {
    const found = lstatOrUndefined(this.#paths.absolute(relative));
    return found?.isCharacterDevice() === true && found.rdev === whiteoutDevice;
  }

  #makeOpaque(relative: string): void {
    setXattr(text(this.#paths.absolute(relative)), OPAQUE, Buffer.from('y'));
  }
}
