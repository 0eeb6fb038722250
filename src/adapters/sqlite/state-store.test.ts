import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { migrations } from './migrations.ts';
import { SqliteStateStore } from './state-store.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'berth-state-'));
  t.after(() => rmSync(path, { recursive: true }));
  return join(path, 'state.db');
}

test('nobody else reads what is stored', (t) => {
  const path = scratch(t);
  writeFileSync(path, '', { mode: 0o644 });
  const store = new SqliteStateStore(path);
  t.after(() => store.close());
  store.collection('keys').put('one', { secret: 1 });
  const files = readdirSync(dirname(path));
  assert.ok(files.length >= 2, files.join());
  for (const name of files) assert.equal(statSync(join(dirname(path), name)).mode & 0o777, 0o600, name);
});

test('documents are there after the file is opened again, in order of key', (t) => {
  const path = scratch(t);
  const first = new SqliteStateStore(path);
  first.collection<{ n: number }>('a').put('two', { n: 2 });
  first.collection<{ n: number }>('a').put('one', { n: 0 });
  first.collection<{ n: number }>('a').put('one', { n: 1 });
  first.collection<{ n: number }>('b').put('one', { n: 9 });
  first.close();
  const second = new SqliteStateStore(path);
  t.after(() => second.close());
  assert.deepEqual(second.collection('a').entries(), [
    ['one', { n: 1 }],
    ['two', { n: 2 }],
  ]);
  second.collection('a').delete('one');
  assert.equal(second.collection('a').get('one'), undefined);
  assert.deepEqual(second.collection('b').get('one'), { n: 9 });
});

test('what is noted is there for who opens the file after a kill, and what is put after it waits for the disk again', (t) => {
  const path = scratch(t);
  const store = new SqliteStateStore(path);
  t.after(() => store.close());
  const items = store.collection<{ n: number }>('a');
  items.note('x', { n: 1 });
  store.transaction(() => items.note('y', { n: 2 }));
  items.put('z', { n: 3 });
  const other = new DatabaseSync(path, { readOnly: true });
  t.after(() => other.close());
  const rows = other.prepare('SELECT key FROM document ORDER BY key').all();
  assert.deepEqual(
    rows.map(({ key }) => key),
    ['x', 'y', 'z'],
  );
});

test('what is dropped is gone for who opens the file after a kill, also within a transaction', (t) => {
  const path = scratch(t);
  const store = new SqliteStateStore(path);
  t.after(() => store.close());
  const items = store.collection<{ n: number }>('a');
  for (const key of ['v', 'w', 'x', 'y', 'z']) items.put(key, { n: 1 });
  items.drop(['v', 'w', 'missing']);
  items.drop([]);
  store.transaction(() => items.drop(['x']));
  const other = new DatabaseSync(path, { readOnly: true });
  t.after(() => other.close());
  const rows = other.prepare('SELECT key FROM document ORDER BY key').all();
  assert.deepEqual(
    rows.map(({ key }) => key),
    ['y', 'z'],
  );
  assert.equal(items.get('w'), undefined);
});

test('a transaction that throws leaves nothing, also not of the one inside it', () => {
  const store = new SqliteStateStore(':memory:');
  const items = store.collection<{ n: number }>('a');
  assert.throws(() =>
    store.transaction(() => {
      items.put('x', { n: 1 });
      store.transaction(() => items.put('y', { n: 2 }));
      throw new Error('no');
    }),
  );
  assert.deepEqual(items.entries(), []);
  assert.equal(
    store.transaction(() => 7),
    7,
  );
});

test('a file of a newer version is refused and stays as it is', (t) => {
  const path = scratch(t);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA user_version = 999');
  db.close();
  assert.throws(() => new SqliteStateStore(path), /schema version 999/);
});

test('a file that is no database is refused by name, with what to do', (t) => {
  const path = scratch(t);
  writeFileSync(
    path,
    'something else entirely, for long enough to be read as a header of a database '.repeat(9),
  );
  assert.throws(() => new SqliteStateStore(path), {
    code: 'state-unreadable',
    message: `the state '${path}' cannot be read: file is not a database`,
    hint: /restore the file from a backup/,
  });
});

// What a release with another shape would bring: the documents of a collection get a further field.
const next = [
  ...migrations,
  `UPDATE document SET value = json_set(value, '$.size', 0) WHERE collection = 'a'`,
];

test('a database of the first version is brought forward once, with all that is in it', (t) => {
  const path = scratch(t);
  const old = new SqliteStateStore(path, migrations.slice(0, 1));
  old.collection<{ n: number }>('a').put('x', { n: 1 });
  old.collection<{ n: number }>('b').put('x', { n: 2 });
  old.close();
  const moved = new SqliteStateStore(path, next);
  assert.deepEqual(moved.collection('a').get('x'), { n: 1, size: 0 });
  assert.deepEqual(moved.collection('b').get('x'), { n: 2 });
  moved.collection<{ n: number; size: number }>('a').put('x', { n: 1, size: 7 });
  moved.close();
  const again = new SqliteStateStore(path, next);
  t.after(() => again.close());
  assert.deepEqual(again.collection('a').get('x'), { n: 1, size: 7 });
  assert.throws(() => new SqliteStateStore(path), { code: 'state-too-new' });
});

test('a step that fails leaves the version before it, and that one still opens', (t) => {
  const path = scratch(t);
  const old = new SqliteStateStore(path);
  old.collection<{ n: number }>('a').put('x', { n: 1 });
  old.close();
  const broken = [...migrations, 'DELETE FROM document; INSERT INTO nowhere VALUES (1)'];
  assert.throws(() => new SqliteStateStore(path, broken), {
    code: 'state-migration-failed',
    message: /from schema version 1 to 2: no such table: nowhere/,
  });
  const same = new SqliteStateStore(path);
  t.after(() => same.close());
  assert.deepEqual(same.collection('a').get('x'), { n: 1 });
});
