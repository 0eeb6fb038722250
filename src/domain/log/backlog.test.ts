import { it } from 'node:test';
import assert from 'node:assert/strict';
import { Backlog } from './backlog.ts';

const at = (second: number, size = 4): { time: string; data: Uint8Array } => ({
  time: `2026-01-01T00:00:0${second}.000000000Z`,
  data: new Uint8Array(size),
});

it('of what waited while a sending went on, as much is kept as there is room for', () => {
  const backlog = new Backlog(8);
  assert.deepEqual(
    [1, 2, 3].map((second) => backlog.keeps(at(second))),
    [true, true, true],
  );
  backlog.sent(at(7).time);
  assert.deepEqual(
    [4, 5, 6, 8].map((second) => backlog.keeps(at(second))),
    [true, true, false, true],
  );
  assert.equal(backlog.takeDropped(), 1);
  assert.equal(backlog.takeDropped(), 0);
  backlog.sent(at(9).time);
  assert.equal(backlog.keeps(at(8)), true);
});
