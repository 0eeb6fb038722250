import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeSchema } from './schema.ts';
import { schemaKeys } from './schema-keys.ts';
import { support } from './support.ts';
import { supportTable } from './support-table.ts';

const ancestors = (key: string): string[] =>
  [...key.matchAll(/\.|\[\]/g)].map((cut) => key.slice(0, cut.index)).filter((one) => one !== '');

test('the table says for every key of the schema what becomes of it', () => {
  const keys = schemaKeys(composeSchema);
  assert.ok(keys.size > 300, `only ${keys.size} keys were found in the schema`);
  const lacking = [...keys].filter(
    (key) => support[key] === undefined && !ancestors(key).some((one) => typeof support[one] === 'string'),
  );
  assert.deepEqual(lacking, []);
});

test('the table has no key that the schema lacks', () => {
  const keys = schemaKeys(composeSchema);
  assert.deepEqual(
    Object.keys(support).filter((key) => !keys.has(key)),
    [],
  );
});

test('the printed table has a row for every key, or for one above it that is not honoured', () => {
  const table = supportTable();
  const missing = [...schemaKeys(composeSchema)].filter(
    (key) => ![key, ...ancestors(key)].some((one) => table.includes(`| \`${one}\` |`)),
  );
  assert.deepEqual(missing, []);
});
