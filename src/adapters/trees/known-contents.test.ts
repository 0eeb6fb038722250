import assert from 'node:assert/strict';
import type { Stats } from 'node:fs';
import { test } from 'node:test';
import { KnownContents } from './known-contents.ts';

const stats = (more: Partial<Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>> = {}) => ({
  ...{ dev: 1, ino: 2, size: 3, mtimeMs: 1000, ctimeMs: 2000, ...more },
});

test('a file is known until anything about it changes', () => {
  const known = new KnownContents();
  known.add('/f', stats(), 'told', 10_000);
  assert.equal(known.find('/f', stats()), 'told');
  assert.equal(known.find('/g', stats()), undefined);
  for (const change of [{ dev: 9 }, { ino: 9 }, { size: 9 }, { mtimeMs: 9 }, { ctimeMs: 9 }])
    assert.equal(known.find('/f', stats(change)), undefined, JSON.stringify(change));
});

test('what changed just before it was read is not known: it may change again at the same time', () => {
  const known = new KnownContents();
  known.add('/f', stats(), 'old', 10_000);
  known.add('/f', stats({ mtimeMs: 9000 }), 'new', 10_000);
  assert.equal(known.find('/f', stats()), undefined);
  assert.equal(known.find('/f', stats({ mtimeMs: 9000 })), undefined);
  known.add('/f', stats({ ctimeMs: 9999 }), 'new', 10_000);
  assert.equal(known.find('/f', stats({ ctimeMs: 9999 })), undefined);
});

test('not more than so many files are known, and the first go first', () => {
  const known = new KnownContents();
  for (let at = 0; at <= 100_000; at++) known.add(`/${at}`, stats(), '', 10_000);
  assert.deepEqual([known.find('/0', stats()), known.find('/1', stats())], [undefined, '']);
});
