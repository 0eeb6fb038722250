import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { DiskFacts, ImageFacts } from '#domain/disk/facts.ts';
import { planDisk, type DiskPlan } from '#domain/disk/plan.ts';
import type { DiskRules } from '#domain/disk/rules.ts';

interface Drawn {
  parent: number;
  named: boolean;
  kept: boolean;
  cached: boolean;
  inUse: boolean;
  used: number;
  parts: number[];
}

const drawn = fc.record<Drawn>({
  parent: fc.integer({ min: -4, max: 9 }),
  named: fc.boolean(),
  kept: fc.boolean(),
  cached: fc.boolean(),
  inUse: fc.boolean(),
  used: fc.integer({ min: 0, max: 100 }),
  parts: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
});

function imageOf(one: Drawn, at: number): ImageFacts {
  return {
    id: `image-${at}`,
    names: one.named ? [`app:${at}`] : [],
    // Only upon earlier ones: no cycles.
    ...(one.parent >= 0 && one.parent < at && { parent: `image-${one.parent}` }),
    used: one.used,
    ...(one.kept && { kept: 'a container uses it' }),
    parts: new Map(one.parts.map((part) => [`part-${part}`, part * 10])),
  };
}

function entryOf({ used, inUse, named }: Drawn, at: number): CacheEntry {
  const common = { description: 'RUN make', size: 10, created: used, used, uses: 1, inUse };
  return { id: `entry-${at}`, kind: 'regular', imageId: `image-${at}`, shared: named, ...common };
}

const facts = fc
  .record({
    images: fc.array(drawn, { maxLength: 10 }),
    mounts: fc.array(fc.record({ used: fc.nat(100), inUse: fc.boolean() }), { maxLength: 3 }),
    sources: fc.array(fc.record({ used: fc.nat(100) }), { maxLength: 3 }),
    downloads: fc.array(fc.record({ touched: fc.nat(100), inUse: fc.boolean() }), { maxLength: 3 }),
    free: fc.nat(300),
    pinned: fc.uniqueArray(fc.integer({ min: 1, max: 12 })),
  })
  .map(({ images, mounts, downloads, sources, free, pinned }): DiskFacts => {
    const cache = images.flatMap((one, at) => (one.cached ? [entryOf(one, at)] : []));
    const folders = mounts.map(({ used, inUse }, at): CacheEntry => {
      const common = { description: 'cached mount', size: 15, created: used, uses: 1, shared: false };
      return { id: `mount-${at}`, kind: 'exec.cachemount', imageId: '', used, inUse, ...common };
    });
    return {
      ...{ now: 100, free, registry: [] },
      images: images.map(imageOf),
      cache: [...cache, ...folders],
      temporary: downloads.map((one, at) => ({
        ...{ kind: at % 2 === 0 ? ('download' as const) : ('context' as const) },
        ...{ id: `download-${at}`, size: 5, ...one },
      })),
      sources: sources.map(({ used }, at) => ({ id: `source-${at}`, names: [], size: 5, used })),
      pinned: (part) => pinned.some((one) => part === `part-${one}`),
    };
  });

const rules = fc.record<DiskRules>({
  keepFree: fc.nat(600),
  buildCache: fc.nat(200),
  buildCacheReserved: fc.nat(50),
  buildCacheAge: fc.nat(120),
  untaggedAge: fc.nat(120),
  unusedAge: fc.nat(120),
  partialAge: fc.nat(120),
  sources: fc.nat(100),
});

const goal = fc.constantFrom('rules' as const, 'unused' as const);

function removedImages({ images, cache }: DiskFacts, { items }: DiskPlan): Set<string> {
  const entries = new Map(cache.map(({ id, imageId }) => [id, imageId]));
  const ids = items.map(({ kind, id }) => (kind === 'cache' ? (entries.get(id) ?? '') : id));
  return new Set(ids.filter((id) => images.some((image) => image.id === id)));
}

test('never goes what is kept, in use, or stood upon by what stays at that moment, and nothing goes twice', () => {
  fc.assert(
    fc.property(facts, rules, goal, (found, limits, wanted) => {
      const { items } = planDisk(found, limits, wanted);
      assert.equal(new Set(items.map(({ kind, id }) => `${kind} ${id}`)).size, items.length);
      const gone = new Set<string>();
      for (const { kind, id } of items) {
        const entry = found.cache.find((one) => one.id === id);
        assert.notEqual(entry?.inUse, true);
        assert.notEqual(found.temporary.find((one) => one.id === id)?.inUse, true);
        const image = found.images.find((one) => one.id === (kind === 'cache' ? entry?.imageId : id));
        if (image === undefined) continue;
        assert.equal(image.kept, undefined);
        const above = found.images.filter(({ parent, id: child }) => parent === image.id && !gone.has(child));
        assert.deepEqual(above, []);
        if (kind === 'cache') assert.deepEqual(image.names, []);
        gone.add(image.id);
      }
    }),
  );
});

test('the bytes of a plan are those of the parts that no image that stays, and nobody else, needs', () => {
  fc.assert(
    fc.property(facts, rules, goal, (found, limits, wanted) => {
      const plan = planDisk(found, limits, wanted);
      const removed = removedImages(found, plan);
      const parts = (goes: boolean): Map<string, number> =>
        new Map(found.images.filter(({ id }) => removed.has(id) === goes).flatMap((one) => [...one.parts]));
      const needed = parts(false);
      const freed = [...parts(true)]
        .filter(([part]) => !needed.has(part) && !found.pinned(part))
        .reduce((sum, [, size]) => sum + size, 0);
      const count = (kind: string, start: string): number =>
        plan.items.filter((item) => item.kind === kind && item.id.startsWith(start)).length;
      assert.equal(
        plan.bytes,
        freed +
          15 * count('cache', 'mount-') +
          5 * (count('download', '') + count('context', '') + count('source', '')),
      );
      assert.equal(
        plan.bytes,
        plan.items.reduce((sum, { bytes }) => sum + bytes, 0),
      );
    }),
  );
});

test('afterwards enough is free, or the plan says how much is missing and nothing that may go is left', () => {
  fc.assert(
    fc.property(facts, rules, (found, limits) => {
      const { items, bytes, short } = planDisk(found, limits, 'rules');
      assert.equal(short, Math.max(0, limits.keepFree - found.free - bytes));
      if (short === 0) return;
      assert.ok(found.temporary.every(({ id, inUse }) => inUse || items.some((item) => item.id === id)));
      const removed = removedImages(found, planDisk(found, limits, 'rules'));
      const stays = found.images.filter(({ id }) => !removed.has(id));
      const cached = new Set(found.cache.map(({ imageId }) => imageId));
      const loose = stays.filter(
        ({ id, kept, names, used }) =>
          kept === undefined &&
          found.now - used >= limits.unusedAge &&
          !stays.some(({ parent }) => parent === id) &&
          (names.length > 0 || !cached.has(id)),
      );
      assert.deepEqual(loose, []);
    }),
  );
});

test('a plan with enough space takes nothing but what is past its age or limit', () => {
  fc.assert(
    fc.property(facts, rules, (found, limits) => {
      const calm = { ...limits, keepFree: 0 };
      const { items } = planDisk(found, calm, 'rules');
      assert.ok(items.every(({ why }) => !why.includes('are free')));
      const unnamed = items.filter(({ kind }) => kind === 'image').map(({ id }) => id);
      for (const image of found.images)
        if (unnamed.includes(image.id)) assert.ok(found.now - image.used >= limits.untaggedAge);
    }),
  );
});
