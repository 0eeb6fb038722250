import { encodeHead, encodeNumber, frameFlags, frameTypes, longestFrame, broken } from './frames.ts';
import type { Header } from './hpack.ts';

/** How much of one stream the other side may send before it was read, in bytes. */
export const streamWindow = 4 * 1024 * 1024;

/** Above this what waits to be sent is much: whoever sends should wait. */
const muchQueued = 256 * 1024;

const largestWindow = 2 ** 31 - 1;

/** Hears what the other side says in a stream. Nothing follows `ended` or `failed`. */
export interface StreamListener {
  /** The response's headers, and then the trailers. */
  headers(headers: Header[]): void;
  /** `consumed` has to be told of its bytes when they were read. */
  data(content: Buffer): void;
  ended(): void;
  failed(error: Error): void;
}

/** What a stream does on its connection. */
export interface StreamWire {
  send(frame: Buffer): void;
  /** The stream has something to send. */
  ready(stream: Http2Stream): void;
  /** The stream is over. */
  forget(stream: Http2Stream): void;
}

/** A request and its response. */
export class Http2Stream {
  readonly id: number;
  readonly #wire: StreamWire;
  readonly #listener: StreamListener;
  #queue: Buffer[] = [];
  #queued = 0;
  #window: number;
  #ending = false;
  #isEnded = false;
  #isOver = false;
  /** Of this side's window. */
  #unread = 0;
  #read = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /** @param window how much may be sent at first, in bytes */
  constructor(id: number, wire: StreamWire, listener: StreamListener, window: number) {
    this.id = id;
    this.#wire = wire;
    this.#listener = listener;
    this.#window = window;
  }

  /** Resolves when there is room for more, or the stream is over. */
  write(content: Buffer): Promise<void> | undefined {
    if (this.#isOver || this.#ending) return undefined;
    this.#queue.push(content);
    this.#queued += content.length;
    this.#wire.ready(this);
    if (this.#queued < muchQueued) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /** No more from this side. */
  end(): void {
    if (this.#isOver || this.#ending) return;
    this.#ending = true;
    this.#wire.ready(this);
  }

  /** Ends both sides at once; idempotent. */
  reset(code: number): void {
    if (this.#isOver) return;
    this.#wire.send(encodeNumber(frameTypes.reset, this.id, code));
    this.#finish();
  }

  /** This many bytes of what came were read: the other side may send as many more. */
  consumed(bytes: number): void {
    this.#read += bytes;
    if (this.#isOver || this.#read < streamWindow / 2) return;
    this.#unread -= this.#read;
    this.#wire.send(encodeNumber(frameTypes.window, this.id, this.#read));
    this.#read = 0;
  }

  // What follows is for the connection.

  /** The next frames, of at most `limit` bytes of content, put behind `out`; gives how many they are. */
  take(limit: number, out: Buffer[]): number {
    let taken = 0;
    while (this.#queued > 0) {
      const length = Math.min(limit - taken, this.#window, this.#queued, longestFrame);
      if (length <= 0) break;
      this.#frame(length, out);
      taken += length;
    }
    if (this.#queued === 0 && this.#ending && !this.#isEnded) this.#endFrame(out);
    if (this.#queued < muchQueued) this.#makeRoom();
    return taken;
  }

  /** Whether more could be sent now. */
  get isReady(): boolean {
    if (this.#isOver || this.#isEnded) return false;
    return this.#queued === 0 ? this.#ending : this.#window > 0;
  }

  /** @throws invalid `http2-malformed` */
  widen(bytes: number): void {
    this.#window += bytes;
    if (this.#window > largestWindow) throw broken('a window is larger than it may be');
    if (this.isReady) this.#wire.ready(this);
  }

  hearHeaders(headers: Header[]): void {
    this.#listener.headers(headers);
  }

  /** `size`: with what padded it. @throws invalid `http2-malformed` */
  hearData(content: Buffer, size: number): void {
    this.#unread += size;
    if (this.#unread > streamWindow) throw broken('more comes than there is room for');
    if (content.length > 0) this.#listener.data(content);
    if (size > content.length) this.consumed(size - content.length);
  }

  hearEnd(): void {
    // What this side had to say is not wanted any more.
    if (!this.#isEnded) this.#wire.send(encodeNumber(frameTypes.reset, this.id, 0));
    this.#finish();
    this.#listener.ended();
  }

  fail(error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    this.#listener.failed(error);
  }

  #frame(length: number, out: Buffer[]): void {
    const pieces: Buffer[] = [];
    for (let left = length; left > 0;) {
      const [first = Buffer.alloc(0)] = this.#queue;
      const piece = first.subarray(0, left);
      pieces.push(piece);
      left -= piece.length;
      if (piece.length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(piece.length);
    }
    this.#queued -= length;
    this.#window -= length;
    out.push(encodeHead({ type: frameTypes.data, flags: 0, stream: this.id }, length), ...pieces);
  }

  #endFrame(out: Buffer[]): void {
    this.#isEnded = true;
    const { data: type } = frameTypes;
    out.push(encodeHead({ type, flags: frameFlags.endStream, stream: this.id }, 0));
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #finish(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#queued = 0;
    this.#makeRoom();
    this.#wire.forget(this);
  }
}
