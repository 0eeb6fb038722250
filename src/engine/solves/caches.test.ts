import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { ClientBlobs, VertexEvent } from '#engine/contracts.ts';
import { cacheSourcesOf, cacheTargetsOf } from './caches.ts';

const blobs: ClientBlobs = {
  read: () => Promise.resolve(Readable.from([])),
  write: () => Promise.resolve(),
};
const digest = `sha256:${'a'.repeat(64)}`;

test('caches of registries and folders are read, others are told of and left out', async () => {
  const opened: string[] = [];
  const told: VertexEvent[] = [];
  const narrator = {
    now: () => 0,
    tell: (event: VertexEvent) => {
      told.push(event);
      return Promise.resolve();
    },
  };
  const open = (path: string): ClientBlobs => {
    opened.push(path);
    return blobs;
  };
  const sources = await cacheSourcesOf(
    [
      { type: 'registry', attributes: { ref: 'example.com/cache' } },
      { type: 'local', attributes: { src: '/cache', digest } },
      { type: 'gha', attributes: {} },
      { type: 'local', attributes: { src: '/empty' } },
    ],
    open,
    narrator,
  );
  assert.deepEqual(sources, [
    { kind: 'registry', reference: 'example.com/cache' },
    { kind: 'local', digest, blobs },
  ]);
  assert.deepEqual(opened, ['/cache']);
  const errors = told.flatMap((event) => (event.kind === 'vertex' ? (event.vertex.error ?? []) : []));
  assert.deepEqual(errors, [
    "a cache of type 'gha' is not offered",
    "--cache-from type=local lacks 'digest'",
  ]);
});

test('caches go to a registry, a folder or the image, and nowhere else', () => {
  const targets = cacheTargetsOf(
    [
      { type: 'registry', attributes: { ref: 'example.com/cache', mode: 'max' } },
      { type: 'local', attributes: { dest: '/cache' } },
      { type: 'inline', attributes: {} },
    ],
    () => blobs,
  );
  assert.deepEqual(targets, [
    { kind: 'registry', reference: 'example.com/cache', mode: 'max' },
    { kind: 'local', mode: 'min', blobs },
    { kind: 'inline' },
  ]);
  const wrong = [
    [{ type: 's3', attributes: {} }, /a cache of type 's3' is not offered/],
    [{ type: 'registry', attributes: {} }, /--cache-to type=registry lacks 'ref'/],
    [{ type: 'local', attributes: {} }, /--cache-to type=local lacks 'dest'/],
  ] as const;
  for (const [cache, message] of wrong)
    assert.throws(() => cacheTargetsOf([{ ...cache, attributes: {} }], () => blobs), message);
});
