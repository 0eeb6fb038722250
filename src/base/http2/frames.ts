import { invalid } from '#base/errors.ts';

// The frames of HTTP/2 (RFC 9113, 4.1 and 6).

export const frameTypes = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
} as const;

export const frameFlags = {
  endStream: 1,
  acknowledgement: 1,
  endHeaders: 4,
  padded: 8,
  priority: 0x20,
} as const;

export const settingNames = { headerTable: 1, push: 2, window: 4, frame: 5 } as const;

/** The longest payload that a side takes unless it says otherwise, in bytes. */
export const longestFrame = 16_384;

const headLength = 9;

export interface FrameHead {
  type: number;
  flags: number;
  /** 0: the connection itself. */
  stream: number;
}

/** Cuts what comes over a connection into frames. A payload is a view on what came. */
export class FrameReader {
  readonly #hear: (head: FrameHead, payload: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(hear: (head: FrameHead, payload: Buffer) => void) {
    this.#hear = hear;
  }

  /** @throws invalid `http2-malformed`; what the hearer throws */
  push(chunk: Buffer): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (data.length - at >= headLength) {
      const length = data.readUIntBE(at, 3);
      if (length > longestFrame)
        throw broken(`a frame has ${length} bytes, more than the ${longestFrame} allowed`);
      const end = at + headLength + length;
      if (end > data.length) break;
      const head = {
        type: data.readUInt8(at + 3),
        flags: data.readUInt8(at + 4),
        stream: data.readUInt32BE(at + 5) % 2 ** 31,
      };
      this.#hear(head, data.subarray(at + headLength, end));
      at = end;
    }
    this.#rest = data.subarray(at);
  }
}

/** The head of a frame with a payload of `length` bytes. */
export function encodeHead({ type, flags, stream }: FrameHead, length: number): Buffer {
  const head = Buffer.allocUnsafe(headLength);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head;
}

export function encodeFrame(head: FrameHead, payload: Buffer): Buffer {
  return Buffer.concat([encodeHead(head, payload.length), payload]);
}

/** Of a frame whose payload is one number. */
export function encodeNumber(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return encodeFrame({ type, flags: 0, stream }, payload);
}

export function encodeSettings(settings: readonly (readonly [name: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([name, value], at) => {
    payload.writeUInt16BE(name, at * 6);
    payload.writeUInt32BE(value, at * 6 + 2);
  });
  return encodeFrame({ type: frameTypes.settings, flags: 0, stream: 0 }, payload);
}

/** @throws invalid `http2-malformed` */
export function decodeSettings(payload: Buffer): [name: number, value: number][] {
  if (payload.length % 6 !== 0) throw broken('its settings are cut off');
  return Array.from({ length: payload.length / 6 }, (_, at) => [
    payload.readUInt16BE(at * 6),
    payload.readUInt32BE(at * 6 + 2),
  ]);
}

/** Without what pads it, and without the priority that HEADERS may begin with. @throws invalid `http2-malformed` */
export function contentOf({ type, flags }: FrameHead, payload: Buffer): Buffer {
  let content = payload;
  if ((flags & frameFlags.padded) !== 0) {
    const padding = payload[0] ?? payload.length;
    if (padding >= payload.length) throw broken('a frame is padded with more than it has');
    content = payload.subarray(1, payload.length - padding);
  }
  if (type !== frameTypes.headers || (flags & frameFlags.priority) === 0) return content;
  if (content.length < 5) throw broken('a frame is cut off');
  return content.subarray(5);
}

export function broken(why: string): Error {
  return invalid('http2-malformed', `read HTTP/2: ${why}`);
}
