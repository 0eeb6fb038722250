import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { bytes } from '#adapters/files/byte-path.ts';
import { removeTree } from './remove-tree.ts';
import { Trash } from './trash.ts';
import { TreePool } from './tree-pool.ts';

/** Two empty folders, `trash` and `from`. */
function makePlaces(t: TestContext): { place: string; from: string } {
  const root = mkdtempSync(join(tmpdir(), 'berth-trash-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const name of ['trash', 'from']) mkdirSync(join(root, name));
  return { place: join(root, 'trash'), from: join(root, 'from') };
}

/** A folder with so many files, some levels down. */
function makeTree(path: string, files: number): string {
  const below = join(path, 'a/b');
  mkdirSync(below, { recursive: true });
  for (let index = 0; index < files; index++) writeFileSync(join(below, `file-${index}`), '');
  return path;
}

const filesBelow = (path: string): number => readdirSync(path, { recursive: true }).length;

test('a small folder is removed without a wait for large ones, however many of these are under way', async (t) => {
  const { place, from } = makePlaces(t);
  const release = Promise.withResolvers<void>();
  const trash = new Trash(place, () => release.promise);
  for (let index = 0; index < 40; index++) mkdirSync(join(place, `large-${index}`));
  trash.empty();
  for (let index = 0; index < 3; index++) await trash.take(makeTree(join(from, `small-${index}`), 2));
  assert.deepEqual(readdirSync(from), []);
  release.resolve();
  await trash.settled();
  assert.equal(readdirSync(place).length, 40);
});

test('what is thrown away faster than it can be removed has to wait', async (t) => {
  const { place, from } = makePlaces(t);
  const trash = new Trash(place, () => Promise.resolve());
  const folders = Array.from({ length: 100 }, (_, index) => makeTree(join(from, String(index)), 2));
  let most = 0;
  for (const folder of folders) {
    await trash.take(folder);
    most = Math.max(most, readdirSync(place).length);
  }
  assert.ok(most <= 40, `${most} at once`);
  await trash.settled();
  assert.deepEqual(readdirSync(place), []);
});

test('a stop ends removals soon, and the next life does the rest', async (t) => {
  const { place, from } = makePlaces(t);
  const trash = new Trash(place, () => Promise.resolve());
  await trash.take(makeTree(join(from, 'one'), 200));
  trash.stop();
  await trash.settled();
  assert.ok(filesBelow(place) > 100);
  const pool = new TreePool(1);
  const next = new Trash(place, (folder) => pool.remove(folder));
  next.empty();
  await next.settled();
  await pool.close();
  assert.deepEqual(readdirSync(place), []);
});

test('removal stops in the middle of a folder, and goes on from there', (t) => {
  const { from } = makePlaces(t);
  const folder = bytes(makeTree(join(from, 'folder'), 50));
  let asked = 0;
  removeTree(folder, () => ++asked > 20);
  const left = filesBelow(from);
  assert.ok(left > 3 && left < 53, String(left));
  removeTree(folder, () => false);
  removeTree(folder, () => false);
  assert.deepEqual(readdirSync(from), []);
});

test('a tree that is deeper than paths are long, and names that are no UTF-8, are removed', (t) => {
  const { from } = makePlaces(t);
  const start = process.cwd();
  process.chdir(from);
  try {
    for (let depth = 0; depth < 50; depth++) {
      const name = 'd'.repeat(100);
      mkdirSync(name);
      process.chdir(name);
    }
    writeFileSync(Buffer.from('\xff\xfe', 'latin1'), '');
  } finally {
    process.chdir(start);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${from}/`), Buffer.from('\xff', 'latin1')]), '');
  removeTree(bytes(from), () => false);
  mkdirSync(from);
});

test('worker threads that are told to stop leave what they have not begun with', async (t) => {
  const { from } = makePlaces(t);
  const pool = new TreePool(1);
  await pool.remove(makeTree(join(from, 'before'), 2));
  pool.stopRemovals();
  await pool.remove(makeTree(join(from, 'after'), 2));
  await pool.close();
  assert.deepEqual(readdirSync(from), ['after']);
});
