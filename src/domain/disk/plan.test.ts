import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFacts, ImageFacts } from '#domain/disk/facts.ts';
import { planDisk } from '#domain/disk/plan.ts';
import { rulesOf, ruleWords, type DiskRules } from '#domain/disk/rules.ts';
import { isShare, shareBytes } from '#domain/disk/share.ts';

const rules: DiskRules = {
  keepFree: 100,
  buildCache: 1000,
  buildCacheReserved: 0,
  buildCacheAge: 1000,
  untaggedAge: 500,
  unusedAge: 10,
  partialAge: 50,
  sources: 100,
};

function image(id: string, used: number, rest: Partial<ImageFacts> = {}): ImageFacts {
  return { id, names: [`${id}:1`], used, parts: new Map([[`layer-${id}`, 40]]), ...rest };
}

function facts(rest: Partial<DiskFacts>): DiskFacts {
  const nothing = { images: [], cache: [], temporary: [], sources: [], registry: [] };
  return { now: 1000, free: 1000, pinned: () => false, ...nothing, ...rest };
}

const ids = (found: DiskFacts): string[] => planDisk(found, rules, 'rules').items.map(({ id }) => id);

test('with enough space named images stay however long nothing used them', () => {
  assert.deepEqual(ids(facts({ images: [image('old', 0)] })), []);
});

test('when space is short the longest unused images go, as many as it takes', () => {
  const images = [image('new', 900), image('old', 1), image('older', 0), image('fresh', 995)];
  assert.deepEqual(ids(facts({ images, free: 30 })), ['older', 'old']);
});

test('a shared layer is free with the last image that needs it', () => {
  const parts = new Map([['shared', 60]]);
  const images = [image('a', 0, { parts }), image('b', 1, { parts })];
  const plan = planDisk(facts({ images, free: 50 }), rules, 'rules');
  assert.deepEqual(
    plan.items.map(({ bytes }) => bytes),
    [0, 60],
  );
  assert.equal(plan.short, 0);
});

test('what is missing in the end is told', () => {
  const images = [image('a', 0, { kept: 'container c uses it' }), image('b', 0)];
  const plan = planDisk(facts({ images, free: 10 }), rules, 'rules');
  assert.deepEqual([plan.items.length, plan.short], [1, 50]);
});

test('interrupted downloads go after their time, those under way never', () => {
  const temporary = [
    { kind: 'download' as const, id: 'old', size: 5, touched: 900, inUse: false },
    { kind: 'download' as const, id: 'new', size: 5, touched: 990, inUse: false },
    { kind: 'download' as const, id: 'busy', size: 5, touched: 0, inUse: true },
  ];
  assert.deepEqual(ids(facts({ temporary })), ['old']);
});

test('uploads to the registry go while space is short, but for those that are on their way', () => {
  const upload = { kind: 'upload' as const, name: 'to shop', size: 5, touched: 0 };
  const temporary = [
    { ...upload, id: 'left', inUse: false },
    { ...upload, id: 'coming', inUse: true },
  ];
  assert.deepEqual(ids(facts({ temporary })), []);
  const { items } = planDisk(facts({ temporary, free: 0 }), rules, 'rules');
  assert.deepEqual(
    items.map(({ id, name }) => [id, name]),
    [['left', 'upload to shop']],
  );
});

test('packages that bases are made of go after days without use, and while space is short', () => {
  const kept = { kind: 'packages' as const, size: 5, inUse: false };
  const temporary = [
    { ...kept, id: 'old', touched: 400 },
    { ...kept, id: 'new', touched: 600 },
  ];
  assert.deepEqual(ids(facts({ temporary })), ['old']);
  assert.deepEqual(ids(facts({ temporary, free: 0 })), ['old', 'new']);
});

test('contexts that images can be built from again go while space is short, the longest unused first, before images', () => {
  const sources = [
    { id: 'new', names: ['b:1'], size: 30, used: 900 },
    { id: 'old', names: ['a:1'], size: 30, used: 100 },
  ];
  const images = [image('unused', 0)];
  assert.deepEqual(ids(facts({ sources, images })), []);
  assert.deepEqual(ids(facts({ sources, images, free: 80 })), ['old']);
  assert.deepEqual(ids(facts({ sources, images, free: 30 })), ['old', 'new', 'unused']);
  const { items } = planDisk(facts({ sources, images, free: 30 }), rules, 'unused');
  assert.deepEqual(
    items.map(({ id }) => id),
    ['unused'],
  );
});

test('shares of a disk are a percentage, a size, or the smaller of both', () => {
  assert.deepEqual(
    ['5%', '10g', '5%,1g', '100%'].map((text) => shareBytes(text, 40 * 1024 ** 3)),
    [2 * 1024 ** 3, 10 * 1024 ** 3, 1024 ** 3, 40 * 1024 ** 3],
  );
  assert.deepEqual(['5%', '1g,2%', '120%', 'x', '1%,2%,3%', ''].map(isShare), [
    ...[true, true, false, false, false, false],
  ]);
});

test('rules in words name their limits', () => {
  const settings = {
    ...{ period: 600, keepFree: '5%,10g', buildCache: '10%', buildCacheReserved: '50%' },
    ...{ buildCacheDays: 30, untaggedDays: 7, unusedHours: 24 },
  };
  const found = rulesOf(settings, { keepPartial: 24, keepContexts: '2%,1g' }, 100 * 1024 ** 3);
  assert.equal(found.buildCacheReserved, 10 * 1024 ** 3);
  assert.match(ruleWords('images', found), /after 7 days .* 24 hours: while less than 5.37 GB are free/);
  assert.match(ruleWords('build-cache', found), /after 30 days .* above 10.7 GB .* down to 10.7 GB/);
});
