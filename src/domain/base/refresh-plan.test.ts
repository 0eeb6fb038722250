import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRefresh, type RefreshCandidate } from './refresh-plan.ts';

const make = { kind: 'make' } as const;
const build = { kind: 'build' } as const;

function candidate(
  name: string,
  origin: RefreshCandidate['origin'],
  parentId: string | undefined,
  depth: number,
  outdated: boolean,
): RefreshCandidate {
  const of = parentId === undefined ? {} : { parentId };
  return { name, imageId: name, origin, depth, outdated, ...of };
}

/** A base; an image built upon it; an app's upon that, which upgraded its packages; a base that is up to date. */
const world = [
  candidate('app', build, 'mid', 2, false),
  candidate('mid', build, 'base', 1, true),
  candidate('base', make, undefined, 0, true),
  candidate('fresh', make, undefined, 0, false),
  candidate('other', build, 'fresh', 1, false),
];

test('what is outdated is refreshed with all that is built upon it, in order', () => {
  const { steps, blocked } = planRefresh(world);
  assert.deepEqual(
    steps.map(({ name, action, after }) => [name, action, after]),
    [
      ['base', 'make', []],
      ['mid', 'build', ['base']],
      ['app', 'build', ['mid']],
    ],
  );
  assert.deepEqual(blocked, []);
});

test('one image is refreshed with those that it is built upon and those that are built upon it', () => {
  const more = [...world, candidate('sibling', build, 'base', 1, true)];
  const names = (only: string): string[] => planRefresh(more, new Set([only])).steps.map(({ name }) => name);
  assert.deepEqual(names('mid'), ['base', 'mid', 'app']);
  assert.deepEqual(names('sibling'), ['base', 'sibling']);
  assert.deepEqual(names('fresh'), []);
});

test('what cannot be built again is named with the reason, and what is built upon it is still tried', () => {
  const unknown = { kind: 'unknown', reason: 'its context is unknown' } as const;
  const { steps, blocked } = planRefresh([
    candidate('base', make, undefined, 0, true),
    candidate('sent', unknown, 'base', 1, true),
  ]);
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['base'],
  );
  assert.deepEqual(blocked, [{ name: 'sent', reason: 'its context is unknown' }]);
});

test('an image whose own steps installed old packages is built without the cache', () => {
  const { steps } = planRefresh([
    candidate('base', make, undefined, 0, false),
    candidate('installs', build, 'base', 1, true),
  ]);
  assert.deepEqual(
    steps.map(({ name, noCache }) => [name, noCache]),
    [['installs', true]],
  );
});
