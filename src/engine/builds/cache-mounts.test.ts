import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheMount } from '#domain/dockerfile/mount.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { CacheMounts } from './cache-mounts.ts';

const mount: CacheMount = {
  ...{ type: 'cache', id: 'npm', target: '/root/.npm', source: '/', sharing: 'locked', readOnly: false },
  ...{ uid: 0, gid: 0, mode: 0o755 },
};
const nothing = { id: '', fill: () => Promise.resolve() };

test('a cache that could not be made, nor removed then, keeps nobody else waiting', async () => {
  const reported: string[] = [];
  const folders = new Set<string>();
  const caches = new CacheMounts(new MemoryState(), {
    trees: {
      createFolder: (name) => {
        folders.add(name);
        return Promise.resolve(`/${name}`);
      },
      makeFolder: () => Promise.resolve(),
      removeFolder: () => Promise.reject(new Error('busy')),
      size: () => Promise.resolve(0),
    },
    clock: { now: () => 0 },
    host: {},
    report: (problem) => reported.push(problem),
  });
  const broken = { id: '', fill: () => Promise.reject(new Error('its source is gone')) };
  const signal = AbortSignal.timeout(10_000);
  await assert.rejects(caches.open(mount, broken, signal), /its source is gone/);
  assert.deepEqual(reported, ['the folder of a cache mount could not be removed']);
  const opened = await caches.open(mount, nothing, signal);
  opened.release();
  assert.equal(caches.entries().length, 1);
  assert.equal(folders.size, 2);
});
