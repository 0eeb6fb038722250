import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { chown, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, invalid, notFound } from '#base/errors.ts';
import { isDigest, parseDigest, type Digest } from '#domain/image/digest.ts';
import { raw } from '#adapters/files/byte-path.ts';
import { textIfThereSync } from '#adapters/files/if-there.ts';
import { syncFileSystem } from '#adapters/linux/sync.ts';
import { SpareFolders } from '#adapters/overlay/spare-folders.ts';
import { Trash } from '#adapters/overlay/trash.ts';
import { WriteOut } from '#adapters/overlay/write-out.ts';
import { isOpaque } from '#adapters/overlay/upper-tree.ts';
import type { Owner } from '#domain/user-namespace/id-mappings.ts';

/** Beside each committed layer, in `layer.json`. */
interface CommittedRecord {
  parent: Digest | '';
  /** Unknown for a layer that was committed from an active snapshot. */
  diffId?: Digest;
  size: number;
  /** The layer hides everything below it. */
  opaque: boolean;
  /** The boot under which it was made, as long as it is not known to be on the disk. */
  unwritten?: string;
}

/** Beside each active snapshot, in `snapshot.json`. */
interface ActiveRecord {
  parent: Digest | '';
}

export interface FolderOptions {
  /** Of the root of each layer, where containers have no ids of the host; it can reach them then. */
  owner?: Owner | undefined;
  /** Of this start of the machine. */
  boot: string;
  /** Removes a folder of many files; where it is not urgent, when nobody else wants the processor. */
  removeLarge: (folder: string, urgent: boolean) => Promise<void>;
}

const parseCommitted: (text: string) => CommittedRecord = JSON.parse;
const parseActive: (text: string) => ActiveRecord = JSON.parse;

/** Undefined for one that a power cut left away, empty or cut off. */
function readRecord<T>(path: string, parse: (text: string) => T): T | undefined {
  try {
    return parse(textIfThereSync(path));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Where things lie below `${root}/snapshots`:
 * `committed/HEX/{fs,layer.json}`, `active/KEY/{upper,work,merged,snapshot.json}`, `views/`, `temporary/`, `spare/`, `trash/`.
 * A folder appears in `committed` and `active` by rename, whole.
 */
export class SnapshotFolders {
  readonly root: string;
  readonly #known = new Map<Digest, CommittedRecord>();
  readonly #active = new Map<string, Digest | ''>();
  readonly #spare: SpareFolders;
  readonly #trash: Trash;
  readonly #writeOut: WriteOut;
  readonly #owner: Owner | undefined;
  readonly #boot: string;

  constructor(root: string, { owner, boot, removeLarge }: FolderOptions) {
    this.root = root;
    this.#owner = owner;
    this.#boot = boot;
    this.#spare = new SpareFolders(join(root, 'spare'), (path) => this.makeOwned(path));
    this.#trash = new Trash(join(root, 'trash'), removeLarge);
    this.#writeOut = new WriteOut(
      () => syncFileSystem(this.root),
      (chainId) => this.#noteWritten(chainId),
    );
  }

  async make(): Promise<void> {
    await rm(join(this.root, 'spare'), { recursive: true, force: true });
    for (const name of ['committed', 'active', 'views', 'temporary', 'spare', 'trash'])
      await mkdir(join(this.root, name), {
        recursive: true,
        mode: this.#owner === undefined ? 0o700 : 0o711,
      });
    for (const name of readdirSync(join(this.root, 'committed'))) this.#load(`sha256:${name}`);
    for (const key of readdirSync(join(this.root, 'active'))) this.#loadActive(key);
    for (const name of readdirSync(join(this.root, 'temporary')))
      renameSync(this.temporary(name), join(this.root, 'trash', name));
    this.#trash.empty();
  }

  /** A folder in which a root file system or a layer begins. */
  async makeOwned(path: string): Promise<void> {
    await mkdir(path, { mode: 0o755 });
    if (this.#owner !== undefined) await chown(path, this.#owner.uid, this.#owner.gid);
  }

  committed(chainId: Digest): string {
    return join(this.root, 'committed', parseDigest(chainId).slice('sha256:'.length));
  }

  active(key: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/.test(key))
      throw invalid(
        'snapshot-key-invalid',
        `'${key}' is no name for a snapshot: required are letters, digits, _ . -`,
      );
    return join(this.root, 'active', key);
  }

  temporary(name: string): string {
    return join(this.root, 'temporary', name);
  }

  isCommitted(chainId: Digest): boolean {
    return this.#known.has(chainId);
  }

  record(chainId: Digest): CommittedRecord {
    const record = this.#known.get(chainId);
    if (record === undefined) throw missing(chainId);
    return record;
  }

  records(): [Digest, CommittedRecord][] {
    return [...this.#known];
  }

  /**
   * Makes a finished folder (with `fs`) the committed layer. It is on the disk a little later; one that a power cut
   * comes before is not known at the next start.
   */
  async publish(
    folder: string,
    chainId: Digest,
    record: Pick<CommittedRecord, 'parent' | 'diffId' | 'size'>,
  ): Promise<void> {
    const whole: CommittedRecord = {
      ...record,
      opaque: isOpaque(raw(join(folder, 'fs')).toString('latin1')),
      unwritten: this.#boot,
    };
    await writeFile(join(folder, 'layer.json'), JSON.stringify(whole));
    await rename(folder, this.committed(chainId));
    this.#known.set(chainId, whole);
    this.#writeOut.add(chainId);
  }

  #noteWritten(chainId: Digest): void {
    const record = this.#known.get(chainId);
    if (record === undefined) return;
    const written = { ...record };
    delete written.unwritten;
    const path = join(this.committed(chainId), 'layer.json');
    // In one go: nobody can take the layer away in between.
    writeFileSync(`${path}.new`, JSON.stringify(written));
    renameSync(`${path}.new`, path);
    this.#known.set(chainId, written);
  }

  /** The layers' folders from `chainId` down, as overlayfs takes them. @throws not-found `snapshot-missing` */
  lower(chainId: Digest | ''): string[] {
    const layers: string[] = [];
    for (let at = chainId; at !== '';) {
      const record = this.record(at);
      layers.push(join(this.committed(at), 'fs'));
      // overlayfs does not heed the mark on a layer's root.
      at = record.opaque ? '' : record.parent;
    }
    return layers;
  }

  /** @throws not-found `snapshot-missing` */
  parentOf(key: string): Digest | '' {
    const parent = this.#active.get(key);
    if (parent === undefined) throw missing(key);
    return parent;
  }

  activeKeys(): string[] {
    return [...this.#active.keys()];
  }

  /** Makes an active snapshot's folders. @throws conflict `snapshot-exists`, not-found `snapshot-missing` */
  async addActive(key: string, parent: Digest | ''): Promise<void> {
    const target = this.active(key);
    this.lower(parent);
    if (this.#active.has(key)) throw conflict('snapshot-exists', `snapshot '${key}' exists already`);
    // Known before the first wait, so that the parent cannot be removed meanwhile.
    this.#active.set(key, parent);
    let folder: string | undefined;
    try {
      folder = await this.#spare.take();
      const record: ActiveRecord = { parent };
      // At once: each trip to the thread pool takes longer.
      writeFileSync(join(folder, 'snapshot.json'), JSON.stringify(record));
      renameSync(folder, target);
    } catch (error) {
      this.#active.delete(key);
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Idempotent. Its folder is gone from its place; the rest goes on in the background. */
  async removeActive(key: string): Promise<void> {
    const from = this.active(key);
    // Without its record a snapshot is unknown, but still in its place.
    if (!this.#active.has(key) && !existsSync(from)) return;
    await this.#trash.take(from);
    this.#active.delete(key);
  }

  /** Takes an active snapshot away from its place; gives where it lies now, or undefined when there is none. */
  async takeActive(key: string): Promise<string | undefined> {
    const from = this.active(key);
    if (!this.#active.has(key)) return undefined;
    const to = this.temporary(randomUUID());
    await rename(from, to);
    this.#active.delete(key);
    return to;
  }

  /** Resolves when nothing goes on in the background any more, and nothing more will. What was removed may be there yet. */
  async close(): Promise<void> {
    this.#trash.stop();
    await Promise.all([this.#spare.close(), this.#trash.settled(), this.#writeOut.settled()]);
  }

  /** Resolves when the committed snapshots are on the disk. */
  async written(): Promise<void> {
    await this.#writeOut.settled();
    // And that they are, too.
    await syncFileSystem(this.root);
  }

  /** Resolves when what was removed is gone. */
  removed(): Promise<void> {
    return this.#trash.settled();
  }

  /** What builds directly upon a committed snapshot. */
  userOf(chainId: Digest): string | undefined {
    for (const [child, { parent }] of this.#known) if (parent === chainId) return child;
    for (const [key, parent] of this.#active) if (parent === chainId) return key;
    return undefined;
  }

  /** A committed snapshot is gone from its place; the rest goes on in the background. */
  async removeCommitted(chainId: Digest): Promise<void> {
    this.#known.delete(chainId);
    await this.#trash.takeLarge(this.committed(chainId));
  }

  #loadActive(key: string): void {
    const record = readRecord(join(this.active(key), 'snapshot.json'), parseActive);
    if (record !== undefined) this.#active.set(key, record.parent);
  }

  #load(name: string): void {
    if (!isDigest(name)) return;
    const record = readRecord(join(this.committed(name), 'layer.json'), parseCommitted);
    // The machine was started anew since it was made, and files of it may be short or not there.
    const isLost = record?.unwritten !== undefined && record.unwritten !== this.#boot;
    // What is not known must not be in the way of the same layer, unpacked anew.
    if (record === undefined || isLost) {
      renameSync(this.committed(name), join(this.root, 'trash', randomUUID()));
      return;
    }
    this.#known.set(name, record);
    if (record.unwritten !== undefined) this.#writeOut.add(name);
  }
}

function missing(name: string): Error {
  return notFound('snapshot-missing', `snapshot '${name}' does not exist`);
}
