import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processLimits, resourceLimits, resourceWarnings, unlimited } from './resources.ts';
import type { HostFacts } from './spec-input.ts';

const host: HostFacts = {
  cgroupVersion: 1,
  controllers: ['cpu', 'cpuset', 'memory', 'pids', 'blkio'],
  swapAccounting: true,
  hardLimits: {},
  capabilities: [],
  architecture: 'x64',
  kernel: { major: 6, minor: 1 },
  blkioWeight: true,
  cpus: { count: 2, online: '0-1', nodes: '0' },
  topology: [{ id: 0, cpus: [0, 1], memory: 0 }],
  apparmor: false,
};

test('nothing asked, nothing limited', () => {
  assert.deepEqual(resourceLimits({}, host), {});
  assert.deepEqual(resourceLimits({ Memory: 0, PidsLimit: -1, NanoCpus: 0 }, host), {});
});

test('memory brings as much swap unless that is said; -1 is none', () => {
  assert.deepEqual(resourceLimits({ Memory: 100 }, host), { memory: { limit: 100, swap: 200 } });
  assert.deepEqual(resourceLimits({ Memory: 100, MemorySwap: -1 }, host), {
    memory: { limit: 100, swap: -1 },
  });
  assert.deepEqual(resourceLimits({ Memory: 100, MemorySwap: 150, MemoryReservation: 50 }, host), {
    memory: { limit: 100, reservation: 50, swap: 150 },
  });
  assert.deepEqual(resourceLimits({ Memory: 100 }, { ...host, swapAccounting: false }), {
    memory: { limit: 100 },
  });
});

test('swappiness and the switch of the out-of-memory killer exist on version 1 only', () => {
  const asked = { MemorySwappiness: 0, OomKillDisable: true };
  assert.deepEqual(resourceLimits(asked, host), { memory: { swappiness: 0, disableOOMKiller: true } });
  assert.deepEqual(resourceLimits(asked, { ...host, cgroupVersion: 2 }), {});
  assert.deepEqual(resourceWarnings(asked, { ...host, cgroupVersion: 2 }), [
    'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
  ]);
});

test('nano-CPUs become a quota of 100 ms', () => {
  assert.deepEqual(resourceLimits({ NanoCpus: 1_500_000_000, CpuShares: 512, CpusetCpus: '0-1' }, host), {
    cpu: { shares: 512, period: 100_000, quota: 150_000, cpus: '0-1' },
  });
  assert.deepEqual(resourceLimits({ CpuQuota: 5000, CpuPeriod: 20_000 }, host), {
    cpu: { quota: 5000, period: 20_000 },
  });
});

test('block devices are named by their numbers', () => {
  const numbers = { '/dev/a': { major: 8, minor: 0 } };
  const asked = {
    BlkioWeight: 300,
    BlkioWeightDevice: [{ Path: '/dev/a', Weight: 200 }],
    BlkioDeviceReadBps: [{ Path: '/dev/a', Rate: 1024 }],
    BlkioDeviceWriteIOps: [{ Path: '/dev/a', Rate: 9 }],
  };
  assert.deepEqual(resourceLimits(asked, host, numbers), {
    blockIO: {
      weight: 300,
      weightDevice: [{ major: 8, minor: 0, weight: 200 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }],
      throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 9 }],
    },
  });
  assert.equal(resourceLimits(asked, { ...host, blkioWeight: false }, numbers).blockIO?.weight, undefined);
});

test('what the host cannot enforce is left out and said', () => {
  const bare = { ...host, controllers: [] };
  assert.deepEqual(resourceLimits({ Memory: 1, PidsLimit: 2, NanoCpus: 3e8 }, bare), {});
  assert.deepEqual(
    resourceWarnings({ Memory: 1, PidsLimit: 2, NanoCpus: 3e8 }, bare).map((text) => text.slice(0, 45)),
    [
      'Your kernel does not support memory limit cap',
      'Your kernel does not support pids limit capab',
      'Your kernel does not support CPU CFS schedule',
    ],
  );
  assert.deepEqual(resourceWarnings({ Memory: 1, NanoCpus: 3e8 }, host), []);
});

test('process limits are clamped to what the daemon may set', () => {
  const Ulimits = [
    { Name: 'nofile', Soft: 500, Hard: 2000 },
    { Name: 'core', Soft: -1, Hard: -1 },
  ];
  const poor = { ...host, hardLimits: { RLIMIT_NOFILE: 1000 } };
  assert.deepEqual(processLimits({ Ulimits }, poor), [
    { type: 'RLIMIT_NOFILE', soft: 500, hard: 1000 },
    { type: 'RLIMIT_CORE', soft: unlimited, hard: unlimited },
  ]);
  assert.equal(resourceWarnings({ Ulimits }, poor).length, 1);
  assert.deepEqual(resourceWarnings({ Ulimits }, host), []);
});
