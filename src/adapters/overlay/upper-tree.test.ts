import assert from 'node:assert/strict';
import { mkdtempSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { bytesBelow } from './upper-tree.ts';

it('a file with several names counts once, and a folder that is gone for nothing', () => {
  const root = mkdtempSync(join(tmpdir(), 'berth-upper-'));
  mkdirSync(join(root, 'folder'));
  writeFileSync(join(root, 'folder', 'one'), '12345');
  linkSync(join(root, 'folder', 'one'), join(root, 'two'));
  writeFileSync(join(root, 'three'), '123');
  assert.equal(bytesBelow(root), 8);
  rmSync(root, { recursive: true });
  assert.equal(bytesBelow(root), 0);
});

it('what goes while it is counted counts for nothing', () => {
  // Lists the descriptor by which it is read itself, which is closed by the time it is looked at.
  assert.equal(bytesBelow('/proc/self/fd'), 0);
});
