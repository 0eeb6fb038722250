import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { diskFull } from '#base/disk-full.ts';
import { internal, messageOf, unavailable } from '#base/errors.ts';
import { migrations } from '#adapters/sqlite/migrations.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

interface Statements {
  get: StatementSync;
  put: StatementSync;
  delete: StatementSync;
  all: StatementSync;
}

/**
 * The state in one SQLite file: write-ahead log, synchronous FULL, so what is acknowledged survives a
 * power cut. `:memory:` gives a store for tests.
 * @throws internal `state-too-new` when a newer Berth wrote the file; unavailable `state-unreadable`; every write
 *   unavailable `disk-full`
 */
export class SqliteStateStore implements StateStore {
  readonly #db: DatabaseSync;
  readonly #statements: Statements;
  #depth = 0;

  /** @param history as `migrations` */
  constructor(path: string, history = migrations) {
    this.#db = open(path);
    writing(() => migrate(this.#db, path, history));
    const prepare = (sql: string): StatementSync => this.#db.prepare(sql);
    this.#statements = {
      get: prepare('SELECT value FROM document WHERE collection = ? AND key = ?'),
      put: prepare(
        'INSERT INTO document VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
      ),
      delete: prepare('DELETE FROM document WHERE collection = ? AND key = ?'),
      all: prepare('SELECT key, value FROM document WHERE collection = ? ORDER BY key'),
    };
  }

  collection<T extends object>(name: string): Collection<T> {
    const statements = this.#statements;
    // Only this class writes the table, so what comes out has the type that went in.
    const parse: (text: string) => T = JSON.parse;
    return {
      get: (key) => {
        const row = statements.get.get(name, key);
        return row === undefined ? undefined : parse(text(row['value']));
      },
      put: (key, value) => {
        writing(() => statements.put.run(name, key, JSON.stringify(value)));
      },
      note: (key, value) => {
        this.#withoutSync(() => statements.put.run(name, key, JSON.stringify(value)));
      },
      delete: (key) => {
        writing(() => statements.delete.run(name, key));
      },
      drop: (keys) => {
        if (keys.length === 0) return;
        this.#withoutSync(() =>
          this.transaction(() => {
            for (const key of keys) statements.delete.run(name, key);
          }),
        );
      },
      entries: () => statements.all.all(name).map((row) => [text(row['key']), parse(text(row['value']))]),
    };
  }

  /** Inside a transaction SQLite lets nobody change how it syncs. */
  #withoutSync(write: () => unknown): void {
    const alone = this.#depth === 0;
    if (alone) this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      writing(write);
    } finally {
      if (alone) this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  /** A transaction inside another one is a part of it. */
  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    writing(() => this.#db.exec('BEGIN IMMEDIATE'));
    this.#depth++;
    try {
      const result = work();
      writing(() => this.#db.exec('COMMIT'));
      return result;
    } catch (error) {
      // On a full disk SQLite has rolled back by itself.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    } finally {
      this.#depth--;
    }
  }

  /** Free pages go by VACUUM, earlier ones by an empty write-ahead log. */
  scrub(): void {
    writing(() => this.#db.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'));
  }

  close(): void {
    this.#db.close();
  }
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') keepFromOthers(path);
    db = new DatabaseSync(path);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
    return db;
  } catch (error) {
    db?.close();
    if (isFull(error)) throw diskFull(`opening the state '${path}'`, error);
    throw unavailable('state-unreadable', `the state '${path}' cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'restore the file from a backup; or move the whole folder away, to start with nothing',
    });
  }
}

/** It holds keys and passwords. SQLite gives its other files the mode of this one. */
function keepFromOthers(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function writing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isFull(error) ? diskFull('saving the state', error) : error;
  }
}

/** SQLITE_FULL (sqlite.org/rescode.html). */
function isFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 13;
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw internal('state-corrupt', `the state holds a ${typeof value} where a text is required`);
}

/** Each step is kept whole or not at all, so that a start after a failure goes on where this one stopped. */
function migrate(db: DatabaseSync, path: string, history: readonly string[]): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (version > history.length)
    throw internal(
      'state-too-new',
      `'${path}' has schema version ${version}, this Berth knows up to ${history.length}`,
      { hint: 'start the newer version of Berth that wrote it' },
    );
  for (const [at, sql] of history.entries()) {
    if (at < version) continue;
    try {
      db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${at + 1}; COMMIT`);
    } catch (error) {
      db.close();
      throw isFull(error) ? error : migrationFailed(path, at, error);
    }
  }
}

function migrationFailed(path: string, version: number, error: unknown): Error {
  return internal(
    'state-migration-failed',
    `'${path}' cannot be brought from schema version ${version} to ${version + 1}: ${messageOf(error)}`,
    { cause: error, hint: `it still is at version ${version}: the Berth that wrote it can be started` },
  );
}
