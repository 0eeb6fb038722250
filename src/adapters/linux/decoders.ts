import koffi from 'koffi';
import { corrupt } from '#domain/archive/tar-header.ts';

// gzip and zstd by the libraries that Debian's dpkg itself uses, called at once and into memory that is used again: half of
// what Node's streams cost on them goes into buffers that the collector has to find. For threads that may be blocked.

// Node has functions of the same names in it, of other versions: without `deep`, a library would call those in place of its own.
const zlib = koffi.load('libz.so.1', { deep: true });
const zstd = koffi.load('libzstd.so.1', { deep: true });

/** A stream that is unpacked piece by piece. */
export interface Decoder {
  /** The next piece of the packed stream; the one before must be used up. It is read until then. */
  give(packed: Uint8Array): void;
  /** Writes what it can. Gives the bytes written: 0 when the piece is used up. @throws invalid `layer-corrupt` */
  take(plain: Uint8Array): number;
  /** Whether the stream may end after what was given. */
  readonly isWhole: boolean;
  /** Idempotent. */
  close(): void;
}

/** V8 moves the bytes of small arrays; larger ones stay where they are as long as they are held. */
const smallest = 4096;

function pinned(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= smallest) return bytes;
  const copy = Buffer.alloc(smallest);
  copy.set(bytes);
  return copy.subarray(0, bytes.length);
}

function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

const zInit: (stream: Uint8Array, windowBits: number, version: string, size: number) => number = zlib.func(
  'int inflateInit2_(uint8_t*, int, const char*, int)',
);
const zInflate: (stream: Uint8Array, flush: number) => number = zlib.func('int inflate(uint8_t*, int)');
const zReset: (stream: Uint8Array) => number = zlib.func('int inflateReset(uint8_t*)');
const zEnd: (stream: Uint8Array) => number = zlib.func('int inflateEnd(uint8_t*)');

/** z_stream of zlib.h where pointers have 64 bits. */
const zStream = { nextIn: 0, availIn: 8, nextOut: 24, availOut: 32, size: 112 } as const;
/** The largest window, with gzip's header and trailer. */
const gzipWindow = 15 + 16;
const [Z_OK, Z_STREAM_END, Z_BUF_ERROR] = [0, 1, -5];

/** gzip, of one member or several (RFC 1952). What follows the last one and is no member is ignored, as by gzip(1). */
export class GzipDecoder implements Decoder {
  // Not small, so that it stays where it is: zlib keeps its address.
  readonly #stream = Buffer.alloc(smallest);
  #packed: Uint8Array = Buffer.alloc(0);
  #isOpen = true;
  isWhole = false;

  constructor() {
    const code = zInit(this.#stream, gzipWindow, '1', zStream.size);
    if (code !== Z_OK) throw new Error(`zlib refused to begin: ${code}`);
  }

  give(packed: Uint8Array): void {
    this.#packed = pinned(packed);
    this.#stream.writeBigUInt64LE(addressOf(this.#packed), zStream.nextIn);
    this.#stream.writeUInt32LE(packed.length, zStream.availIn);
  }

  take(plain: Uint8Array): number {
    this.#stream.writeBigUInt64LE(addressOf(plain), zStream.nextOut);
    this.#stream.writeUInt32LE(plain.length, zStream.availOut);
    while (this.#left > 0 || !this.isWhole) {
      if (this.isWhole && !this.#beginMember()) break;
      const code = zInflate(this.#stream, 0);
      if (code === Z_STREAM_END) this.isWhole = true;
      else if (code !== Z_OK && code !== Z_BUF_ERROR) throw corrupt('its gzip data are damaged');
      if (this.#room === 0 || this.#left === 0) break;
    }
    return plain.length - this.#room;
  }

  close(): void {
    if (this.#isOpen) zEnd(this.#stream);
    this.#isOpen = false;
  }

  get #left(): number {
    return this.#stream.readUInt32LE(zStream.availIn);
  }

  get #room(): number {
    return this.#stream.readUInt32LE(zStream.availOut);
  }

  #beginMember(): boolean {
    if (this.#packed[this.#packed.length - this.#left] !== 0x1f) {
      this.#stream.writeUInt32LE(0, zStream.availIn);
      return false;
    }
    zReset(this.#stream);
    this.isWhole = false;
    return true;
  }
}

type Code = number | bigint;
const zstdCreate: () => unknown = zstd.func('void* ZSTD_createDStream()');
const zstdFree: (stream: unknown) => Code = zstd.func('size_t ZSTD_freeDStream(void*)');
const zstdDecode: (stream: unknown, out: Uint8Array, input: Uint8Array) => Code = zstd.func(
  'size_t ZSTD_decompressStream(void*, uint8_t*, uint8_t*)',
);
const zstdIsError: (code: Code) => number = zstd.func('unsigned int ZSTD_isError(size_t)');

/** ZSTD_inBuffer and ZSTD_outBuffer of zstd.h: an address, a size, how far it is used. */
const zBuffer = { at: 0, size: 8, used: 16 } as const;

/** zstd, of one frame or several (RFC 8878). */
export class ZstdDecoder implements Decoder {
  #stream: unknown = zstdCreate();
  readonly #in = Buffer.alloc(smallest);
  readonly #out = Buffer.alloc(smallest);
  #packed: Uint8Array = Buffer.alloc(0);
  isWhole = false;

  give(packed: Uint8Array): void {
    this.#packed = pinned(packed);
    point(this.#in, this.#packed);
  }

  take(plain: Uint8Array): number {
    point(this.#out, plain);
    for (;;) {
      const left = this.#packed.length - usedOf(this.#in);
      const code = zstdDecode(this.#stream, this.#out, this.#in);
      if (zstdIsError(code) !== 0) throw corrupt('its zstd data are damaged');
      // Called after the end of a frame without more, it asks for the next frame.
      if (left > 0 || usedOf(this.#out) > 0) this.isWhole = code === 0;
      const isUsedUp = usedOf(this.#in) === this.#packed.length;
      if (usedOf(this.#out) === plain.length || isUsedUp) return usedOf(this.#out);
    }
  }

  close(): void {
    if (this.#stream !== undefined) zstdFree(this.#stream);
    this.#stream = undefined;
  }
}

function point(buffer: Buffer, bytes: Uint8Array): void {
  buffer.writeBigUInt64LE(addressOf(bytes), zBuffer.at);
  buffer.writeBigUInt64LE(BigInt(bytes.length), zBuffer.size);
  buffer.writeBigUInt64LE(0n, zBuffer.used);
}

function usedOf(buffer: Buffer): number {
  return Number(buffer.readBigUInt64LE(zBuffer.used));
}
