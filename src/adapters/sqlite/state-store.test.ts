import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { SqliteStateStore } from './state-store.ts';

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'berth-state-'));
  t.after(() => rmSync(path, { recursive: true }));
  return join(path, 'state.db');
}

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
