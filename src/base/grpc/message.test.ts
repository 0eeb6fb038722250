import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, byteStrings, flag, integer, map, message, part, parts, text, texts } from './message.ts';

const Inner = message({ name: text(1), size: integer(2) });
const Outer = message({
  title: text(1),
  count: integer(2),
  on: flag(3),
  data: bytes(4),
  one: part(5, Inner),
  many: parts(6, Inner),
  words: texts(7),
  byKey: map(8, text(2)),
  chunks: byteStrings(9),
});

test('a message comes back as it was written', () => {
  const value = {
    title: 'ö and more than twelve letters',
    count: 2 ** 40 + 1,
    on: true,
    data: Uint8Array.of(1, 2, 255),
    one: { name: 'inner', size: 0 },
    many: [
      { name: '', size: 7 },
      { name: 'b', size: 2 ** 31 },
    ],
    words: ['', 'x'],
    byKey: { a: '1', 'b c': '' },
    chunks: [Uint8Array.of(9)],
  };
  assert.deepEqual(Outer.decode(Outer.encode(value)), value);
});

test('what is left out is not written, and reads as nothing', () => {
  assert.equal(Outer.encode({}).length, 0);
  const nothing = {
    title: '',
    count: 0,
    on: false,
    one: undefined,
    many: [],
    words: [],
    byKey: {},
    chunks: [],
  };
  assert.deepEqual(Outer.decode(new Uint8Array()), { ...nothing, data: new Uint8Array() });
});

test('the bytes are those of protocol buffers', () => {
  // The examples of protobuf.dev/programming-guides/encoding, in other fields.
  assert.equal(Buffer.from(Inner.encode({ size: 150 })).toString('hex'), '109601');
  assert.equal(Buffer.from(Inner.encode({ name: 'testing' })).toString('hex'), '0a0774657374696e67');
  assert.equal(Buffer.from(Outer.encode({ byKey: { k: 'v' } })).toString('hex'), '42060a016b120176');
});

test('fields that are not known are skipped', () => {
  const More = message({ name: text(1), other: text(30), number: integer(31) });
  const written = More.encode({ name: 'n', other: 'x', number: 5 });
  assert.deepEqual(Inner.decode(written), { name: 'n', size: 0 });
});

test('bytes that are no such message are refused', () => {
  const bad = [
    '0a05616263', // a text longer than the message
    '0a01', // its end is missing
    '1080', // a number without end
    '0801', // a number where a text belongs
    '2a7f0a01', // an inner message longer than the outer
    'ff01', // a wire type that there is not
  ];
  for (const hex of bad)
    assert.throws(() => Outer.decode(Buffer.from(hex, 'hex')), { code: 'protobuf-malformed' }, hex);
});
