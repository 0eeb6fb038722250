import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineEvent } from '#domain/event/event.ts';
import { eventMatches } from '#domain/event/filter.ts';
import { nanosOf, timeFromClient } from '#domain/event/time.ts';

const started: EngineEvent = {
  type: 'container',
  action: 'health_status: healthy',
  id: 'abcdef0123456789',
  attributes: { name: 'web', image: 'nginx:1', tier: 'front' },
  timeNano: '1',
};

const cases: [key: string, value: string, matches: boolean][] = [
  ['type', 'container', true],
  ['type', 'volume', false],
  ['event', 'health_status', true],
  ['event', 'health_status: healthy', true],
  ['event', 'health', false],
  ['container', 'web', true],
  ['container', 'abcdef', true],
  ['container', 'we', false],
  ['image', 'nginx', true],
  ['image', 'nginx:1', true],
  ['image', 'redis', false],
  ['label', 'tier', true],
  ['label', 'tier=front', true],
  ['label', 'tier=back', false],
  ['network', 'web', false],
  ['scope', 'local', true],
  ['scope', 'swarm', false],
];
for (const [key, value, matches] of cases)
  test(`the filter ${key}=${value} ${matches ? 'takes' : 'leaves'} a container's health event`, () => {
    assert.equal(eventMatches(started, new Map([[key, [value]]])), matches);
  });

test('values of one key are alternatives, keys must all hold', () => {
  const filter = (entries: [string, string[]][]): boolean => eventMatches(started, new Map(entries));
  assert.ok(filter([['type', ['volume', 'container']]]));
  assert.ok(
    !filter([
      ['type', ['container']],
      ['container', ['db']],
    ]),
  );
});

test('times keep nine digits of a second, in every notation', () => {
  assert.equal(nanosOf('1970-01-01T00:00:01.000000002Z'), 1_000_000_002n);
  assert.equal(nanosOf('1970-01-01T01:00:00.5+01:00'), 500_000_000n);
  assert.equal(nanosOf('2026-01-02'), undefined);
  assert.equal(timeFromClient('1.5'), '1970-01-01T00:00:01.500000000Z');
  assert.equal(timeFromClient('1700000000.123456789'), '2023-11-14T22:13:20.123456789Z');
  assert.equal(timeFromClient('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05Z');
  assert.equal(timeFromClient('now'), undefined);
});
