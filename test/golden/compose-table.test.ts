import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTable } from '../support/compose-table.ts';

test('docs/compose.md says of every key what the code does with it', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/compose.md'), 'utf8');
  assert.equal(page, withTable(page), 'docs/compose.md is out of date: run npm run docs:compose');
});
