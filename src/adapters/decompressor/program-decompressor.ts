import { Readable } from 'node:stream';
import { decompressed } from '#adapters/files/decompress.ts';
import type { Decompressor } from '#ports/decompressor.ts';

/** The port Decompressor on Debian's programs. */
export class ProgramDecompressor implements Decompressor {
  open(source: Readable): Readable {
    return Readable.from(decompressed(source), { objectMode: false });
  }
}
