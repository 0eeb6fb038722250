import assert from 'node:assert/strict';
import { supportTable } from '#domain/compose/support-table.ts';

const [begin, end] = ['<!-- table of keys: npm run docs:compose -->', '<!-- end of the table -->'];

/** The page with the table of keys as the code has it now. */
export function withTable(page: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  assert.ok(from >= 0 && to > from, `docs/compose.md has the marks '${begin}' and '${end}'`);
  return `${page.slice(0, from + begin.length)}\n\n${supportTable()}\n${page.slice(to)}`;
}
