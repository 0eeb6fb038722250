import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRefresh, type RefreshCandidate } from './refresh-plan.ts';

const make = { kind: 'make' } as const;
const build = { kind: 'build' } as const;

function candidate(
  name: string,
  origin: RefreshCandidate['origin'],
  parentIds: string[],
  outdated: boolean,
): RefreshCandidate {
  return { name, imageId: name, origin, parentIds, outdated, moved: [] };
}

/** A base; an image built upon it; an app's upon that, which upgraded its packages; a base that is up to date. */
const world = [
  candidate('app', build, ['mid'], false),
  candidate('mid', build, ['base'], true),
  candidate('base', make, [], true),
  candidate('fresh', make, [], false),
  candidate('other', build, ['fresh'], false),
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
  const more = [...world, candidate('sibling', build, ['base'], true)];
  const names = (only: string): string[] => planRefresh(more, new Set([only])).steps.map(({ name }) => name);
  assert.deepEqual(names('mid'), ['base', 'mid', 'app']);
  assert.deepEqual(names('sibling'), ['base', 'sibling']);
  assert.deepEqual(names('fresh'), []);
});

test('what cannot be built again is named with the reason, and what is built upon it is still tried', () => {
  const unknown = { kind: 'unknown', reason: 'its context is unknown' } as const;
  const { steps, blocked } = planRefresh([
    candidate('base', make, [], true),
    candidate('sent', unknown, ['base'], true),
  ]);
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['base'],
  );
  assert.deepEqual(blocked, [{ name: 'sent', reason: 'its context is unknown' }]);
});

test('an image whose own steps installed old packages is built without the cache', () => {
  const { steps } = planRefresh([
    candidate('base', make, [], false),
    candidate('installs', build, ['base'], true),
  ]);
  assert.deepEqual(
    steps.map(({ name, noCache }) => [name, noCache]),
    [['installs', true]],
  );
});

test('what a build without the cache did not make newer is not tried again, until what it is built upon is new', () => {
  const tried = 'nothing newer came of it';
  const app = { ...candidate('app', build, ['base'], true), tried };
  const alone = planRefresh([candidate('base', make, [], false), app]);
  assert.deepEqual([alone.steps, alone.blocked], [[], [{ name: 'app', reason: tried }]]);
  const { steps, blocked } = planRefresh([candidate('base', make, [], true), app]);
  assert.deepEqual([steps.map(({ name }) => name), blocked], [['base', 'app'], []]);
});

test('what only takes files from an outdated image, and what was built before a name moved, is built again', () => {
  const { steps } = planRefresh([
    candidate('a-program', build, ['static', 'go'], false),
    candidate('static', make, [], false),
    candidate('go', make, [], true),
    { ...candidate('left', build, ['static'], true), moved: ['static'] },
  ]);
  assert.deepEqual(
    steps.map(({ name, after, noCache }) => [name, after, noCache]),
    [
      ['go', [], false],
      ['a-program', ['go'], false],
      ['left', [], false],
    ],
  );
});

test('names that were built of one another in turns come once', () => {
  const { steps } = planRefresh([
    candidate('chicken', build, ['egg'], true),
    candidate('egg', build, ['chicken'], false),
  ]);
  assert.deepEqual(steps.map(({ name }) => name).sort(), ['chicken', 'egg']);
});
