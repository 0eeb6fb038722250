import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkReachable } from './reachable.ts';

test('a folder below one that only its owner may pass is refused, with the folder to change', async () => {
  const top = mkdtempSync(join(tmpdir(), 'berth-reachable-'));
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const deep = join(top, 'deep');
  mkdirSync(deep, { mode: 0o755 });
  chmodSync(top, 0o700);
  try {
    await checkReachable([deep], { uid, gid });
    const other = { uid: uid + 100_000, gid: gid + 100_000 };
    await assert.rejects(checkReachable([deep], other), {
      code: 'folder-unreachable',
      message: `'${deep}' cannot be reached by the remapped root (${other.uid}:${other.gid}): '${top}' has the mode 700`,
    });
    chmodSync(top, 0o701);
    await checkReachable([deep], other);
    chmodSync(top, 0o710);
    await checkReachable([deep], { ...other, gid });
  } finally {
    rmSync(top, { recursive: true });
  }
});
