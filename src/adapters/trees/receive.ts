import { closeSync, constants, openSync } from 'node:fs';
import { raw } from '#adapters/files/byte-path.ts';
import { writeFully } from '#adapters/files/member.ts';
import type { PackedEntry } from '#ports/packed-files.ts';
import { ArchiveIndex } from './archive-index.ts';

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** Keeps an uncompressed tar archive in a new file while it comes, and reads its index. Synchronous. */
export class Receiving {
  readonly #fd: number;
  readonly #index = new ArchiveIndex();
  #size = 0;
  #open = true;

  constructor(archive: string) {
    this.#fd = openSync(raw(archive), O_CREAT | O_EXCL | O_WRONLY, 0o600);
  }

  /** @throws invalid `layer-corrupt` */
  push(chunk: Uint8Array): void {
    writeFully(this.#fd, chunk, this.#size);
    this.#size += chunk.length;
    this.#index.push(chunk);
  }

  /** The index, where the archive has one. @throws invalid `layer-corrupt` */
  end(): PackedEntry[] | undefined {
    const entries = this.#index.end();
    this.close();
    return entries;
  }

  /** Idempotent. */
  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}
