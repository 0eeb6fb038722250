import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { messageOf } from '#base/errors.ts';
import { explainDiskFull } from '#base/disk-full.ts';

test('a full disk is said in words, with what to do; other errors stay as they are', async (t) => {
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  const error: unknown = await full.write('x').catch((thrown: unknown) => thrown);
  assert.equal(
    messageOf(explainDiskFull(error)),
    'no space left on device: write; free some (docker system prune), or set root to a larger disk',
  );
  const other = new Error('no');
  assert.equal(explainDiskFull(other), other);
});
