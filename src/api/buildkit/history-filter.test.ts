import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SolveRecord } from '#engine/contracts.ts';
import { historyFilter } from './history-filter.ts';

const now = 10_000_000;
const record = (ref: string, more: Partial<SolveRecord> = {}): SolveRecord => ({
  ...{ ref, frontend: '', attributes: {}, exporters: [], created: now - 60_000, response: {}, attested: [] },
  ...{ steps: { total: 0, completed: 0, cached: 0, warnings: 0 }, pinned: false },
  ...more,
});
const records = [
  record('running'),
  record('good', { completed: now - 30_000, attributes: { 'vcs:source': 'https://a/b.git' } }),
  record('bad', { created: now - 7_200_000, completed: now - 7_190_000, failure: new Error('no') }),
  record('gone', {
    completed: now,
    failure: new Error('x: context canceled'),
    attributes: { context: 'https://c' },
  }),
];
const found = (...filters: string[]): string[] =>
  records.filter(historyFilter(filters, now)).map(({ ref }) => ref);

test('records are found by what they are, as buildx asks for it', () => {
  assert.deepEqual(found(), ['running', 'good', 'bad', 'gone']);
  assert.deepEqual(found('ref~=oo'), ['good']);
  assert.deepEqual(found('status==error'), ['bad']);
  assert.deepEqual(found('status==completed', 'status==running'), ['running', 'good']);
  assert.deepEqual(found('status!=canceled,ref!=bad'), ['running', 'good']);
  assert.deepEqual(found('repository~=a/b'), ['good']);
  assert.deepEqual(found('repository==https://c'), ['gone']);
});

test('and by their times', () => {
  assert.deepEqual(found('startedAt<1h'), ['bad']);
  assert.deepEqual(found('startedAt>=1h'), ['running', 'good', 'gone']);
  assert.deepEqual(found(`completedAt>${new Date(now - 1000).toISOString()}`), ['gone']);
  assert.deepEqual(found('duration>40s'), ['gone']);
  assert.deepEqual(found('duration<=10s,status==error'), ['bad']);
});

test('what is no filter is refused', () => {
  for (const text of [
    'x',
    'strange==1',
    'constructor==1',
    'status>=1',
    'startedAt==1h',
    'startedAt>=soon',
    'duration>2026-01-01',
  ])
    assert.throws(() => found(text), { code: 'filter-invalid' }, text);
});
