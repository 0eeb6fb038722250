import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { LayerDecoder } from '#adapters/overlay/layer-decoder.ts';

const content = Buffer.from(Array.from({ length: 700_000 }, (_, i) => ((i * i) % 251) ^ ((i >> 9) % 7)));
const packings: Record<string, (plain: Buffer) => Buffer> = {
  plain: (plain) => plain,
  gzip: (plain) => gzipSync(plain),
  zstd: (plain) => zstdCompressSync(plain),
};

function decode(packed: Buffer, sizes: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  const decoder = new LayerDecoder((plain) => pieces.push(Buffer.from(plain)));
  try {
    for (let at = 0, turn = 0; at < packed.length; turn++) {
      const size = sizes[turn % sizes.length] ?? packed.length;
      decoder.push(packed.subarray(at, at + size));
      at += size;
    }
    decoder.end();
  } finally {
    decoder.close();
  }
  return Buffer.concat(pieces);
}

for (const [name, pack] of Object.entries(packings))
  test(`a ${name} layer comes out as it was, whatever the pieces it arrives in`, () => {
    const packed = pack(content);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 4 }), (sizes) => {
        assert.ok(decode(packed, [...sizes, 50_000]).equals(content));
      }),
      { numRuns: 30 },
    );
    assert.ok(decode(pack(content.subarray(0, 300)), [1]).equals(content.subarray(0, 300)));
  });

for (const [name, pack] of Object.entries(packings))
  test(`${name} parts one after the other are one layer`, () => {
    const parts = [
      content.subarray(0, 300_000),
      content.subarray(300_000, 300_001),
      content.subarray(300_001),
    ];
    const packed = Buffer.concat(parts.map(pack));
    for (const size of [1000, 65_536, packed.length]) assert.ok(decode(packed, [size]).equals(content));
  });

test('what follows the last gzip member and is none is left alone', () => {
  const packed = Buffer.concat([gzipSync(content), Buffer.alloc(1000)]);
  for (const size of [100, packed.length]) assert.ok(decode(packed, [size]).equals(content));
});

test('frames of zstd that are to be skipped are, wherever they stand', () => {
  const skipped = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 100, 0, 0, 0]), Buffer.alloc(100, 7)]);
  const [one, other] = [content.subarray(0, 400_000), content.subarray(400_000)].map((part) =>
    zstdCompressSync(part),
  );
  assert.ok(one !== undefined && other !== undefined);
  const packed = Buffer.concat([one, skipped, other, skipped]);
  for (const size of [50, 100_000, packed.length]) assert.ok(decode(packed, [size]).equals(content));
  // As pzstd begins.
  assert.ok(decode(Buffer.concat([skipped, packed]), [1000]).equals(content));
});

test('what follows the last zstd frame and is none is refused, as zstd does', () => {
  const packed = Buffer.concat([zstdCompressSync(content), Buffer.from('no frame at all')]);
  for (const size of [100, packed.length])
    assert.throws(() => decode(packed, [size]), { code: 'layer-corrupt' });
});

test('a zstd layer that needs a dictionary is refused: nobody has it', () => {
  // A frame of one byte, not packed, which names dictionary 7 (RFC 8878, section 3.1.1).
  const packed = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 7, 0x09, 0, 0, 65]);
  assert.equal(decode(Buffer.from(packed.map((byte, at) => (at === 6 ? 0 : byte))), [20]).toString(), 'A');
  assert.throws(() => decode(packed, [packed.length]), { code: 'layer-corrupt' });
});

for (const name of ['gzip', 'zstd'])
  test(`a ${name} layer that is cut short or damaged is refused`, () => {
    const packed = packings[name]?.(content) ?? Buffer.alloc(0);
    for (const length of [7, 100, packed.length - 1])
      assert.throws(() => decode(packed.subarray(0, length), [4096]), { code: 'layer-corrupt' });
    const damaged = Buffer.from(packed);
    damaged.fill(0xff, packed.length >> 1, (packed.length >> 1) + 64);
    assert.throws(() => decode(damaged, [4096]), { code: 'layer-corrupt' });
  });

test('a layer that is packed in another way is refused by name', () => {
  const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 0]);
  assert.throws(() => decode(xz, [3]), { code: 'compression-unsupported', message: /xz/ });
});

test('nothing at all is an empty layer', () => {
  assert.equal(decode(Buffer.alloc(0), [1]).length, 0);
});
