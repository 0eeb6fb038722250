import { invalid } from '#base/errors.ts';
import { decodeHuffman } from './huffman.ts';

// HPACK (RFC 7541) without a dynamic table: we tell the other side that ours has no room, and use none ourselves.

export type Header = readonly [name: string, value: string];

/** RFC 7541, appendix A, counted from 1. */
const staticTable: readonly Header[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((status): Header => [':status', status]),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...[
    ...['accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow'],
    ...['authorization', 'cache-control', 'content-disposition', 'content-encoding', 'content-language'],
    ...['content-length', 'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag'],
    ...['expect', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range'],
    ...['if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards', 'proxy-authenticate'],
    ...['proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie'],
    ...['strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate'],
  ].map((name): Header => [name, '']),
];

/** Values are bytes of Latin-1. */
export function encodeHeaders(headers: Iterable<Header>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers)
    // A literal that no table keeps, with its name.
    parts.push(Buffer.from([0]), encodeText(name), encodeText(value));
  return Buffer.concat(parts);
}

function encodeText(text: string): Buffer {
  const content = Buffer.from(text, 'latin1');
  return Buffer.concat([encodeInteger(content.length, 7), content]);
}

function encodeInteger(value: number, prefix: number): Buffer {
  const most = 2 ** prefix - 1;
  if (value < most) return Buffer.from([value]);
  const bytes = [most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** @throws invalid `http2-malformed` */
export function decodeHeaders(block: Buffer): Header[] {
  const reader = new BlockReader(block);
  const headers: Header[] = [];
  while (!reader.isDone) {
    const first = reader.peek();
    if (first >= 0x80) headers.push(indexed(reader.integer(7)));
    else if (first >= 0x40) headers.push(literal(reader, 6));
    else if (first >= 0x20) {
      if (reader.integer(5) !== 0) throw malformed('its table is to be larger than was allowed');
    } else headers.push(literal(reader, 4));
  }
  return headers;
}

function literal(reader: BlockReader, prefix: number): Header {
  const index = reader.integer(prefix);
  const name = index === 0 ? reader.text() : indexed(index)[0];
  return [name, reader.text()];
}

function indexed(index: number): Header {
  const found = staticTable[index - 1];
  if (found === undefined) throw malformed(`it names the entry ${index} of the table, which is not there`);
  return found;
}

class BlockReader {
  readonly #block: Buffer;
  #at = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  get isDone(): boolean {
    return this.#at >= this.#block.length;
  }

  peek(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw malformed('it is cut off');
    return byte;
  }

  integer(prefix: number): number {
    const most = 2 ** prefix - 1;
    let value = this.#byte() % (most + 1);
    if (value < most) return value;
    for (let factor = 1; ; factor *= 128) {
      if (factor > 2 ** 21) throw malformed('a number in it is too large');
      const byte = this.#byte();
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const coded = this.peek() >= 128;
    const length = this.integer(7);
    const content = this.#block.subarray(this.#at, this.#at + length);
    if (content.length < length) throw malformed('it is cut off');
    this.#at += length;
    return coded ? decodeHuffman(content) : content.toString('latin1');
  }

  #byte(): number {
    const byte = this.peek();
    this.#at++;
    return byte;
  }
}

function malformed(why: string): Error {
  return invalid('http2-malformed', `read an HTTP/2 header: ${why}`);
}
