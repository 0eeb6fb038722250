/**
 * The schema's history, forward only: entry N brings version N to N + 1. A released entry never changes;
 * a new shape is a new entry. `PRAGMA user_version` holds the version of a database.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE document (
     collection TEXT NOT NULL,
     key TEXT NOT NULL,
     value TEXT NOT NULL,
     PRIMARY KEY (collection, key)
   ) STRICT, WITHOUT ROWID`,
];
