import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LayerLimit } from '#domain/image/layer-limit.ts';

const gib = 1024 ** 3;
const tooLarge = (hint: RegExp) => (error: unknown) =>
  error instanceof Error &&
  'code' in error &&
  error.code === 'layer-too-large' &&
  'hint' in error &&
  hint.test(String(error.hint));

test('a layer of more unpacked bytes than the settings allow is refused', () => {
  const limit = new LayerLimit({
    limits: { maxSize: 2 * gib, maxRatio: 500 },
    layer: { digest: 'sha256:a', size: gib },
  });
  limit.take(2 * gib);
  assert.throws(() => limit.take(1), tooLarge(/max-layer-size/));
});

test('a layer that grows beyond measure is refused, but not for a few zeros', () => {
  const bomb = new LayerLimit({
    limits: { maxSize: 64 * gib, maxRatio: 500 },
    layer: { digest: 'sha256:a', size: 4096 },
  });
  bomb.take(gib);
  assert.throws(() => bomb.take(1), tooLarge(/max-layer-ratio/));
  const sparse = new LayerLimit({
    limits: { maxSize: 64 * gib, maxRatio: 500 },
    layer: { digest: 'sha256:b', size: gib / 100 },
  });
  sparse.take(5 * gib);
  assert.throws(() => sparse.take(gib), tooLarge(/max-layer-ratio/));
});
