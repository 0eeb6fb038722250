import type { Duplex } from 'node:stream';
import { unavailable } from '#base/errors.ts';
import {
  broken,
  contentOf,
  decodeSettings,
  encodeFrame,
  encodeNumber,
  encodeSettings,
  frameFlags,
  FrameReader,
  frameTypes,
  longestFrame,
  settingNames,
  type FrameHead,
} from './frames.ts';
import { decodeHeaders, encodeHeaders, type Header } from './hpack.ts';
import { Http2Stream, streamWindow, type StreamListener } from './stream.ts';

/** How much of all streams may be on its way, in bytes. Streams that nobody reads must not stop the others. */
const connectionWindow = 64 * 1024 * 1024;
/** What both windows are until somebody says otherwise. */
const initialWindow = 65_535;
const longestHeaders = 1024 * 1024;
/** Answers that the other side does not read, in bytes, before it is taken for hostile. */
const mostUnread = 4 * 1024 * 1024;
/** How much is given to the connection at once, in bytes. */
const mostAtOnce = 1024 * 1024;

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** The client's side of HTTP/2 with prior knowledge. Whatever goes wrong closes all of it. */
export class Http2Connection {
  readonly #connection: Duplex;
  readonly #onClosed: (error: Error) => void;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #ready = new Set<Http2Stream>();
  #out: Buffer[] = [];
  #nextId = 1;
  /** What may be sent: in all, and in a new stream. */
  #window = initialWindow;
  #streamWindow = initialWindow;
  /** What came and was not yet acknowledged. */
  #received = 0;
  #block: { head: FrameHead; parts: Buffer[]; size: number } | undefined;
  #isBlocked = false;
  #isFlushing = false;
  /** The other side takes no more streams. */
  #isLeft = false;
  #closed: Error | undefined;

  /** @param onClosed is told once, when the connection is gone or was closed */
  constructor(connection: Duplex, onClosed: (error: Error) => void) {
    this.#connection = connection;
    this.#onClosed = onClosed;
    const settings = encodeSettings([
      [settingNames.headerTable, 0],
      [settingNames.push, 0],
      [settingNames.window, streamWindow],
    ]);
    const widened = encodeNumber(frameTypes.window, 0, connectionWindow - initialWindow);
    connection.write(Buffer.concat([Buffer.from(preface), settings, widened]));
    const reader = new FrameReader((head, payload) => this.#hear(head, payload));
    connection.on('data', (chunk: Buffer) => this.#read(reader, chunk));
    connection.on('drain', () => {
      this.#isBlocked = false;
      this.#flushSoon();
    });
    connection.on('error', (error) => this.close(error));
    // A hijacked connection stays open for writing when its other side has closed: HTTP/2 has no use for that.
    for (const event of ['end', 'close']) connection.once(event, () => this.close());
  }

  /** @throws unavailable `session-gone` */
  open(headers: Iterable<Header>, listener: StreamListener): Http2Stream {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#isLeft) throw gone();
    const id = this.#nextId;
    this.#nextId += 2;
    const wire = {
      send: (frame: Buffer) => this.#send(frame),
      ready: (stream: Http2Stream) => this.#isReady(stream),
      forget: (stream: Http2Stream) => this.#forget(stream),
    };
    const stream = new Http2Stream(id, wire, listener, this.#streamWindow);
    this.#streams.set(id, stream);
    this.#sendHeaders(id, encodeHeaders(headers));
    return stream;
  }

  /** Idempotent. */
  close(cause?: Error): void {
    if (this.#closed !== undefined) return;
    const error = gone(cause);
    this.#closed = error;
    this.#connection.destroy();
    for (const stream of [...this.#streams.values()]) stream.fail(error);
    this.#onClosed(error);
  }

  #read(reader: FrameReader, chunk: Buffer): void {
    if (this.#closed !== undefined) return;
    try {
      reader.push(chunk);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #hear(head: FrameHead, payload: Buffer): void {
    if (this.#closed !== undefined) return;
    if (this.#block !== undefined && head.type !== frameTypes.continuation)
      throw broken('headers are not followed by the rest of them');
    switch (head.type) {
      case frameTypes.data:
        this.#hearData(head, payload);
        return;
      case frameTypes.headers:
        this.#block = { head, parts: [], size: 0 };
        this.#hearHeaders(head, contentOf(head, payload));
        return;
      case frameTypes.continuation:
        this.#hearHeaders(head, payload);
        return;
      case frameTypes.window:
        this.#hearWindow(head, payload);
        return;
      default:
        this.#hearControl(head, payload);
    }
  }

  #hearControl(head: FrameHead, payload: Buffer): void {
    switch (head.type) {
      case frameTypes.reset:
        if (payload.length !== 4) throw broken('a frame is cut off');
        this.#streams.get(head.stream)?.fail(cutOff(payload.readUInt32BE()));
        return;
      case frameTypes.settings:
        this.#hearSettings(head, payload);
        return;
      case frameTypes.ping:
        if (payload.length !== 8) throw broken('a ping is cut off');
        if ((head.flags & frameFlags.acknowledgement) === 0)
          this.#send(encodeFrame({ ...head, flags: frameFlags.acknowledgement }, Buffer.from(payload)));
        return;
      case frameTypes.goAway:
        // What has begun may end; nothing more is answered.
        this.#isLeft = true;
        if (payload.length < 8 || payload.readUInt32BE(4) !== 0) throw broken('the other side gives up');
        return;
      case frameTypes.push:
        throw broken('the other side pushes');
    }
  }

  #hearData(head: FrameHead, payload: Buffer): void {
    this.#received += payload.length;
    if (this.#received > connectionWindow) throw broken('more comes than there is room for');
    if (this.#received >= connectionWindow / 2) {
      this.#send(encodeNumber(frameTypes.window, 0, this.#received));
      this.#received = 0;
    }
    if (head.stream === 0 || head.stream >= this.#nextId) throw broken('data of no stream');
    const stream = this.#streams.get(head.stream);
    stream?.hearData(contentOf(head, payload), payload.length);
    if ((head.flags & frameFlags.endStream) !== 0) stream?.hearEnd();
  }

  #hearHeaders(head: FrameHead, part: Buffer): void {
    const block = this.#block;
    if (block?.head.stream !== head.stream) throw broken('a rest of no headers');
    block.parts.push(part);
    // Each part counts: empty ones could go on for ever.
    block.size += part.length + 100;
    if (block.size > longestHeaders) throw broken(`headers of more than ${longestHeaders} bytes`);
    if ((head.flags & frameFlags.endHeaders) === 0) return;
    this.#block = undefined;
    const headers = decodeHeaders(Buffer.concat(block.parts));
    const stream = this.#streams.get(head.stream);
    stream?.hearHeaders(headers);
    if ((block.head.flags & frameFlags.endStream) !== 0) stream?.hearEnd();
  }

  #hearWindow(head: FrameHead, payload: Buffer): void {
    const bytes = payload.length === 4 ? payload.readUInt32BE() % 2 ** 31 : 0;
    if (bytes === 0) throw broken('a window is widened by nothing');
    if (head.stream !== 0) {
      this.#streams.get(head.stream)?.widen(bytes);
      return;
    }
    this.#window += bytes;
    if (this.#window >= 2 ** 31) throw broken('a window is larger than it may be');
    this.#flushSoon();
  }

  #hearSettings(head: FrameHead, payload: Buffer): void {
    if ((head.flags & frameFlags.acknowledgement) !== 0) return;
    for (const [name, value] of decodeSettings(payload)) {
      if (name !== settingNames.window) continue;
      if (value >= 2 ** 31) throw broken('a window is larger than it may be');
      const more = value - this.#streamWindow;
      this.#streamWindow = value;
      for (const stream of this.#streams.values()) stream.widen(more);
    }
    const { acknowledgement: flags } = frameFlags;
    this.#send(encodeFrame({ type: frameTypes.settings, flags, stream: 0 }, Buffer.alloc(0)));
  }

  #sendHeaders(stream: number, block: Buffer): void {
    for (let at = 0; at === 0 || at < block.length; at += longestFrame) {
      const type = at === 0 ? frameTypes.headers : frameTypes.continuation;
      const flags = at + longestFrame >= block.length ? frameFlags.endHeaders : 0;
      this.#send(encodeFrame({ type, flags, stream }, block.subarray(at, at + longestFrame)));
    }
  }

  #send(frame: Buffer): void {
    this.#out.push(frame);
    this.#flushSoon();
  }

  #isReady(stream: Http2Stream): void {
    this.#ready.add(stream);
    this.#flushSoon();
  }

  #forget(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    this.#ready.delete(stream);
  }

  /** All that is said in one turn goes out in one piece. */
  #flushSoon(): void {
    if (this.#isFlushing || this.#closed !== undefined) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed !== undefined) return;
    this.#takeData();
    if (this.#out.length === 0) return;
    const out = Buffer.concat(this.#out);
    this.#out = [];
    if (this.#connection.writableLength > mostUnread) {
      this.close(broken('the other side asks and does not listen'));
      return;
    }
    if (!this.#connection.write(out)) this.#isBlocked = true;
  }

  #takeData(): void {
    if (this.#isBlocked) return;
    let taken = 0;
    for (const stream of this.#ready) {
      const bytes = stream.take(Math.min(this.#window, mostAtOnce - taken), this.#out);
      this.#window -= bytes;
      taken += bytes;
      this.#ready.delete(stream);
      if (!stream.isReady) continue;
      // Behind the others.
      this.#ready.add(stream);
      if (this.#window <= 0 || taken >= mostAtOnce) break;
    }
    if (taken >= mostAtOnce && this.#window > 0) this.#flushSoon();
  }
}

function gone(cause?: Error): Error {
  return unavailable('session-gone', 'the other side of the connection is gone', { cause });
}

function cutOff(code: number): Error {
  return unavailable('grpc-failed', `the call was cut off (HTTP/2 error ${code})`);
}
