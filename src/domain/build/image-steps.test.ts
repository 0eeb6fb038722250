import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { stepBehind } from './image-steps.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;

function image(...steps: [comment: string, layer?: string][]): Pick<Image, 'config' | 'layers'> {
  const layers = steps.flatMap(([, layer]) => (layer === undefined ? [] : [digest(layer)]));
  return {
    layers: layers.map((each) => ({ mediaType: 'layer', digest: each, size: 1 })),
    config: {
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: layers },
      history: steps.map(([comment, layer]) => ({
        created_by: comment,
        ...(layer === undefined && { empty_layer: true }),
      })),
    },
  };
}

test('the step of an image behind those of another is found by its words', () => {
  const whole = image(['base', 'a'], ['ENV A=1'], ['RUN x', 'b']);
  const env = image(['base', 'a'], ['ENV A=1']);
  assert.equal(stepBehind(whole, env, 'RUN x')?.layer?.diffId, digest('b'));
  assert.equal(stepBehind(whole, image(['base', 'a']), 'ENV A=1')?.layer, undefined);
  assert.ok(stepBehind(whole, image(['base', 'a']), 'ENV A=1'));
  assert.equal(stepBehind(whole, undefined, 'base')?.layer?.chainId, digest('a'));
});

test('no step is taken from an image that begins with others, other layers, or goes on with another', () => {
  const whole = image(['base', 'a'], ['ENV A=1'], ['RUN x', 'b']);
  for (const parent of [
    image(['base', 'a'], ['ENV A=2']),
    image(['base', 'c'], ['ENV A=1']),
    image(['base', 'a'], ['ENV A=1', 'd']),
    whole,
  ])
    assert.equal(stepBehind(whole, parent, 'RUN x'), undefined);
  assert.equal(stepBehind(whole, image(['base', 'a'], ['ENV A=1']), 'RUN y'), undefined);
});
