import { createHash } from 'node:crypto';
import { createReadStream, type BigIntStats } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** A file is known by about 200 bytes. */
const mostKnown = 50_000;

/** Digests of files' contents; a file is read again only when the kernel says that it was touched. */
export class FileDigests {
  readonly #known = new Map<string, { seen: string; digest: string }>();

  async of(path: string, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Promise<string> {
    const seen = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    const known = this.#known.get(path);
    if (known?.seen === seen) return known.digest;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const digest = hash.digest('hex');
    this.#known.delete(path);
    this.#known.set(path, { seen, digest });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostKnown && oldest !== undefined) this.#known.delete(oldest);
    return digest;
  }
}
