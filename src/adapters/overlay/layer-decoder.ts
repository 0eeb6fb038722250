import { GzipDecoder, ZstdDecoder, type Decoder } from '#adapters/linux/decoders.ts';
import { concatBytes } from '#base/bytes.ts';
import { unsupported } from '#base/errors.ts';
import { corrupt } from '#domain/archive/tar-header.ts';
import { compressionOf } from '#domain/image/compression.ts';

/** What is unpacked at a time. */
const pieceSize = 256 * 1024;
/** So many bytes tell how a stream is packed. */
const headSize = 6;

/** The content of a layer that comes in pieces, packed or plain as its first bytes say. All calls are synchronous. */
export class LayerDecoder {
  readonly #hear: (plain: Uint8Array) => void;
  #head: Uint8Array | undefined = new Uint8Array(0);
  /** Absent for a plain one. */
  #decoder: Decoder | undefined;
  readonly #plain = Buffer.alloc(pieceSize);

  /** @param hear gets the content, each piece valid only during the call */
  constructor(hear: (plain: Uint8Array) => void) {
    this.#hear = hear;
  }

  /** @throws invalid `layer-corrupt`; unsupported `compression-unsupported`; what `hear` throws */
  push(piece: Uint8Array): void {
    if (this.#head === undefined) {
      this.#decode(piece);
      return;
    }
    const head = this.#head.length === 0 ? piece : concatBytes([this.#head, piece]);
    if (head.length < headSize) this.#head = head.slice();
    else this.#begin(head);
  }

  /** @throws as `push`; invalid `layer-corrupt` when the packed stream is cut short */
  end(): void {
    if (this.#head !== undefined) this.#begin(this.#head);
    if (this.#decoder?.isWhole === false) throw corrupt('its packed data are cut short');
    this.close();
  }

  /** Idempotent. */
  close(): void {
    this.#decoder?.close();
  }

  #begin(head: Uint8Array): void {
    this.#head = undefined;
    const compression = compressionOf(head);
    if (compression === 'gzip') this.#decoder = new GzipDecoder();
    else if (compression === 'zstd') this.#decoder = new ZstdDecoder();
    else if (compression !== 'none')
      throw unsupported('compression-unsupported', `unpacking a layer compressed with ${compression}`, {
        hint: 'layers are plain, or compressed with gzip or zstd',
      });
    this.#decode(head);
  }

  #decode(piece: Uint8Array): void {
    const decoder = this.#decoder;
    if (decoder === undefined) {
      this.#hear(piece);
      return;
    }
    decoder.give(piece);
    for (let size = pieceSize; size === pieceSize;) {
      size = decoder.take(this.#plain);
      if (size > 0) this.#hear(this.#plain.subarray(0, size));
    }
  }
}
