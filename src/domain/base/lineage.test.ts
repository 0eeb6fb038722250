import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Digest } from '#domain/image/digest.ts';
import { parentOf, type Lineal } from './lineage.ts';

const digest = (name: string): Digest => `sha256:${Buffer.from(name).toString('hex').padStart(64, '0')}`;

function image(name: string, layers: string[], steps: string[]): Lineal {
  return {
    id: digest(name),
    config: {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(digest) },
      history: steps.map((created_by) => ({ created_by })),
    },
  };
}

const base = image('base', ['b'], ['debian']);
const renewed = image('renewed', ['b2'], ['debian']);
const configured = image('configured', ['b'], ['debian', 'ENV A=1']);
const app = image('app', ['b', 'a'], ['debian', 'ENV A=1', 'COPY a']);
const all = [app, configured, renewed, base];

test('the parent is the image whose layers and steps come first, the longest of them', () => {
  assert.equal(parentOf(app, all), configured);
  assert.equal(parentOf(configured, all), base);
  assert.equal(parentOf(base, all), undefined);
  assert.equal(parentOf(renewed, all), undefined);
});

test('an image of the same layers and other steps is no parent', () => {
  const other = image('other', ['b'], ['debian', 'ENV B=2']);
  assert.equal(parentOf(app, [other, base]), base);
  assert.equal(parentOf(other, [configured, base]), base);
});
