import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { entriesToPrune, type CacheEntry, type PruneLimits } from './cache-prune.ts';

const entry = (id: string, more: Partial<CacheEntry> = {}): CacheEntry => ({
  ...{ id, imageId: id, description: `RUN ${id}`, size: 10, created: 0, used: 0, uses: 1 },
  ...{ kind: 'regular', inUse: false, shared: false },
  ...more,
});
const pruned = (
  entries: CacheEntry[],
  limits: PruneLimits = { reservedBytes: 0 },
  accepts = (_: CacheEntry): boolean => true,
): string[] => entriesToPrune(entries, accepts, limits).map(({ id }) => id);

describe('pruning the build cache', () => {
  const chain = [entry('a', { used: 1 }), entry('b', { parent: 'a', used: 3 }), entry('c', { used: 2 })];

  it('takes all, a step only after those that stand on it', () => {
    assert.deepEqual(pruned(chain), ['c', 'b', 'a']);
  });

  it('takes the longest unused until no more is there than may stay', () => {
    const flat = [entry('new', { used: 3 }), entry('old', { used: 1 }), entry('middle', { used: 2 })];
    assert.deepEqual(pruned(flat, { reservedBytes: 15 }), ['old', 'middle']);
    assert.deepEqual(pruned(flat, { reservedBytes: 5, maxBytes: 20 }), ['old']);
    assert.deepEqual(pruned(flat, { reservedBytes: 30 }), []);
  });

  it('takes no more than it takes to have bytes of the disk free, and leaves what is reserved', () => {
    const flat = [entry('new', { used: 3 }), entry('old', { used: 1 }), entry('middle', { used: 2 })];
    const gone = (limits: PruneLimits, free: number): string[] =>
      entriesToPrune(flat, () => true, limits, free).map(({ id }) => id);
    assert.deepEqual(gone({ reservedBytes: 0, freeBytes: 100 }, 100), []);
    assert.deepEqual(gone({ reservedBytes: 0, freeBytes: 100 }, 85), ['old', 'middle']);
    assert.deepEqual(gone({ reservedBytes: 20, freeBytes: 100 }, 0), ['old']);
    assert.deepEqual(gone({ reservedBytes: 0, freeBytes: 100 }, 0), ['old', 'middle', 'new']);
    assert.deepEqual(gone({ reservedBytes: 0, maxBytes: 10, freeBytes: 100 }, 95), ['old', 'middle']);
  });

  it('takes only what the filters accept', () => {
    assert.deepEqual(
      pruned(chain, { reservedBytes: 0 }, ({ used }) => used > 1),
      ['c', 'b'],
    );
  });
});
