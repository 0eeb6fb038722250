import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuFaults, pickCpus, type CpuAsk } from './cpus.ts';

const gib = 1024 ** 3;
const machine = [
  { id: 0, cpus: [0, 1, 2, 3], memory: 8 * gib },
  { id: 1, cpus: [4, 5, 6, 7], memory: 8 * gib },
];

test('processors come from one node where that can be, and one stays for everybody else', () => {
  assert.deepEqual(pickCpus(machine, new Set(), { count: 2 }), { cpus: [0, 1], nodes: [] });
  assert.deepEqual(pickCpus(machine, new Set([0, 1, 2]), { count: 2, numa: 'node' }), {
    cpus: [4, 5],
    nodes: [1],
  });
  assert.deepEqual(pickCpus(machine, new Set([0, 1, 2]), { count: 1, numa: 'node' }), {
    cpus: [3],
    nodes: [0],
  });
  assert.deepEqual(pickCpus(machine, new Set([0, 4]), { count: 5, numa: 'prefer' }), {
    cpus: [1, 2, 3, 5, 6],
    nodes: [],
  });
  assert.deepEqual(pickCpus(machine, new Set([0, 4]), { count: 4, numa: 'node' }), {
    missing: '4 of one node are needed, no node has more than 3 free',
  });
  assert.deepEqual(pickCpus(machine, new Set([0, 1, 2, 3, 4, 5]), { count: 2 }), {
    missing: '2 are needed, 1 are free; one stays for everybody else',
  });
});

test('whoever starts again gets the processors that it had, when they are free', () => {
  assert.deepEqual(pickCpus(machine, new Set(), { count: 2, numa: 'node' }, [5, 7]), {
    cpus: [5, 7],
    nodes: [1],
  });
  assert.deepEqual(pickCpus(machine, new Set([7]), { count: 2 }, [5, 7]), { cpus: [4, 5], nodes: [] });
});

test('who does not find a place is told with the line that asks', () => {
  const ask = (name: string, replicas: number, wish: CpuAsk['wish'], memory = 0): CpuAsk => ({
    ...{ name, replicas, wish, memory },
    at: 'compose.yaml:7',
  });
  assert.deepEqual(cpuFaults(machine, [ask('shop/web', 3, { count: 2 })]), []);
  assert.deepEqual(cpuFaults(machine, [ask('shop/web', 4, { count: 2 })]), [
    'compose.yaml:7: shop/web: no processors of its own for replica 4: 2 are needed, 1 are free; one stays for everybody else',
  ]);
  // Two of a node each, before the others take what they need.
  assert.deepEqual(
    cpuFaults(machine, [ask('shop/a', 1, { count: 1 }), ask('shop/b', 2, { count: 3, numa: 'node' })]),
    [],
  );
  assert.match(
    cpuFaults(machine, [ask('shop/b', 3, { count: 2, numa: 'node' }, 5 * gib)])[0] ?? '',
    /replica 3: .*; 5 GiB of memory are left on 0 of 2 nodes$/,
  );
  assert.match(
    cpuFaults(machine, [ask('shop/b', 2, { count: 4, numa: 'node' }, 5 * gib)])[0] ?? '',
    /replica 2: 4 are needed, 3 are free/,
  );
});
