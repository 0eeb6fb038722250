import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { upperTar } from './upper-tar.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'berth-upper-tar-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('pieces that are given back are filled again, and nothing of what was in them is left', (t) => {
  const root = folder(t);
  for (let at = 0; at < 300; at++) writeFileSync(join(root, `f${at}`), `${at} `.repeat(1000 + at));
  const whole = Buffer.concat([...upperTar(root)]);
  const memories = new Set<ArrayBuffer>();
  const parts: Buffer[] = [];
  const pieces = upperTar(root);
  for (let next = pieces.next(); next.done !== true; next = pieces.next(next.value)) {
    memories.add(next.value.buffer);
    parts.push(Buffer.from(next.value));
  }
  assert.ok(parts.length > 3);
  assert.deepEqual(Buffer.concat(parts), whole);
  assert.equal(memories.size, 1);
});
