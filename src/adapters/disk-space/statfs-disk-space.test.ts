import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { StatfsDiskSpace } from './statfs-disk-space.ts';

test('a file system is as large, and about as free, as df says', async () => {
  const { total, free } = await new StatfsDiskSpace('/tmp').measure();
  const said = execFileSync('df', ['-B1', '--output=used,avail', '/tmp'], { encoding: 'utf8' });
  const [used = 0, available = 0] = (said.split('\n')[1] ?? '').trim().split(/\s+/).map(Number);
  assert.ok(Math.abs(total - used - available) < 0.02 * total, `${total} ${used + available}`);
  assert.ok(free > 0 && Math.abs(free - available) < 0.05 * total, `${free} ${available}`);
});
