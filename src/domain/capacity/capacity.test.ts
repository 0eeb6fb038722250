import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProject } from '../../../test/support/compose.ts';
import { memoryDefault, withDefaults } from './defaults.ts';
import { cpuLimitOf, demandOf } from './demand.ts';
import { overcommitment, roomFor, shortages, totalOf } from './fit.ts';

const gib = 1024 ** 3;

function services(text: string) {
  const { model, problems } = readProject({ 'compose.yaml': `services: { ${text} }` });
  assert.deepEqual(problems, []);
  assert.ok(model);
  return model;
}

test('a replica counts for what it reserves, of memory else for its limit, else for nothing', () => {
  const { services: found } = services(`
    reserved: { image: a, deploy: { resources: { limits: { memory: 2g, cpus: "2" }, reservations: { memory: 1g, cpus: "0.5" } } } },
    limited: { image: a, mem_limit: 1g, cpus: 1.5 },
    quota: { image: a, cpu_quota: 50000 },
    free: { image: a }`);
  const demands = Object.fromEntries(Object.values(found).map((one) => [one.name, demandOf(one)]));
  assert.deepEqual(demands, {
    reserved: { memory: gib, cpus: 0.5 },
    limited: { memory: gib, cpus: 0 },
    quota: { memory: 0, cpus: 0 },
    free: { memory: 0, cpus: 0 },
  });
  assert.equal(cpuLimitOf({ CpuQuota: 30_000, CpuPeriod: 10_000 }), 3);
});

const holdings = [
  { name: 'shop/web', count: 3, demand: { memory: gib, cpus: 0.5 }, memoryLimit: 3 * gib },
  { name: 'shop/db', count: 1, demand: { memory: 2 * gib, cpus: 1 } },
  { name: 'shop/off', count: 0, demand: { memory: 99 * gib, cpus: 99 } },
];

test('what does not fit is told with the numbers and who holds most', () => {
  assert.deepEqual(totalOf(holdings), { memory: 5 * gib, cpus: 2.5 });
  assert.deepEqual(shortages(holdings, { memory: 5 * gib, cpus: 2.5 }), []);
  assert.deepEqual(shortages(holdings, { memory: 4 * gib, cpus: 2 }), [
    '5 GiB of memory are reserved, but the machine has 4 GiB of memory (shop/web 3 x 1 GiB of memory, shop/db 2 GiB of memory)',
    '2.5 cpus are reserved, but the machine has 2 cpus (shop/web 3 x 0.5 cpus, shop/db 1 cpus)',
  ]);
});

test('limits that together exceed the memory are told', () => {
  assert.equal(overcommitment(holdings, { memory: 9 * gib, cpus: 1 }), undefined);
  assert.match(
    overcommitment(holdings, { memory: 8 * gib, cpus: 1 }) ?? '',
    /^the memory limits together are 9 GiB, but the machine has 8 GiB/,
  );
});

test('there is room for as many as the scarcest thing allows', () => {
  const demand = { memory: gib, cpus: 0.5 };
  assert.deepEqual(roomFor(demand, { memory: 2.5 * gib, cpus: 2 }), {
    more: 2,
    missing: 'each needs 1 GiB of memory, 512 MiB of memory would be left, 512 MiB of memory is missing',
  });
  assert.equal(roomFor(demand, { memory: 9 * gib, cpus: 0.2 }).more, 0);
  assert.equal(roomFor(demand, { memory: -gib, cpus: 1 }).more, 0);
  assert.equal(roomFor({ memory: 0, cpus: 0 }, { memory: 0, cpus: 0 }).more, Infinity);
});

test('who sets nothing gets the defaults, and it is said', () => {
  const model = services('web: { image: a }, db: { image: a, mem_limit: 1g, pids_limit: -1 }');
  const { model: given, notes } = withDefaults(model, { memory: 512 * 1024 ** 2, pids: 4096, cpuShares: 0 });
  const { web, db } = given.services;
  assert.deepEqual([web?.host.PidsLimit, web?.host.Memory], [4096, 512 * 1024 ** 2]);
  assert.deepEqual([db?.host.PidsLimit, db?.host.Memory], [-1, gib]);
  assert.deepEqual(notes, [
    'web: at most 4096 processes by default, since none is set',
    'web: at most 512 MiB of memory by default, since none is set',
  ]);
  assert.deepEqual(
    ['none', '25%', '1g', 'much'].map((text) => memoryDefault(text, 4 * gib)),
    [0, gib, gib, undefined],
  );
});
