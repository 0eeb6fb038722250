import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePax, encodePax } from './pax.ts';
import { blockSize } from './tar-entry.ts';
import { TarParser } from './tar-parser.ts';
import { encodeHeader, tarEntry } from './tar-writer.ts';

/** An extended header (pax) with one record, as it stands before a member. */
function extension(key: string, value: string): Uint8Array {
  const record = encodePax([[key, value]]);
  const header = Uint8Array.from(encodeHeader(tarEntry('x', 'file', { size: record.length })));
  header[156] = 'x'.charCodeAt(0);
  header.fill(32, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  const whole = new Uint8Array(2 * blockSize);
  whole.set(header);
  whole.set(record, blockSize);
  return whole;
}

test('a size or an owner that is no whole number is refused: half a byte would never be read', () => {
  for (const [key, value] of [
    ['size', '1.5'],
    ['uid', '0.1'],
    ['gid', '-1'],
  ] as const) {
    const parser = new TarParser({ entry: () => undefined, data: () => undefined, end: () => undefined });
    parser.push(extension(key, value));
    assert.throws(
      () => parser.push(encodeHeader(tarEntry('f', 'file', { size: 1 }))),
      /is not a number/,
      key,
    );
  }
});

test('the padding of the last member may be missing, its content may not', () => {
  const parse = (length: number): void => {
    const parser = new TarParser({ entry: () => undefined, data: () => undefined, end: () => undefined });
    parser.push(encodeHeader(tarEntry('f', 'file', { size: 10 })));
    parser.push(new Uint8Array(length));
    parser.end();
  };
  parse(10);
  parse(blockSize);
  assert.throws(() => parse(9), /ends in the middle of a member/);
});

test('what follows the last record without a space is refused: it is no record of no length', () => {
  const record = encodePax([['uid', '1']]);
  const body = new Uint8Array(record.length + 1).fill('9'.charCodeAt(0));
  body.set(record);
  assert.throws(() => decodePax(body), /wrong length/);
});
