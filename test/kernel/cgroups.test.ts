import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { TaskBench } from '../support/tasks.ts';

test("a running task's use of processor, memory and processes is counted", async () => {
  await using bench = await TaskBench.make();
  const { id, pid } = await bench.launch(
    ['sh', '-c', 'seq 1 200000 | tail -1 | md5sum; echo ready; exec cat'],
    {
      stdin: true,
      hostConfig: { Memory: 64 * 1024 * 1024, PidsLimit: 50, NanoCpus: 500_000_000 },
    },
  );
  const stdio = await bench.runtime.attach(id);
  if (!bench.log(id).includes('ready')) await once(stdio.stdout, 'data');
  const path = `${bench.cgroupParent}/${id}`;
  const usage = await bench.cgroups.usage(path);
  assert.ok(usage);
  assert.ok(usage.cpu.totalNanos > 1_000_000);
  assert.ok(usage.memory.usage > 0 && usage.memory.peak >= usage.memory.usage);
  assert.equal(usage.memory.limit, 64 * 1024 * 1024);
  assert.deepEqual({ limit: usage.pids.limit, some: usage.pids.current >= 1 }, { limit: 50, some: true });
  assert.equal(usage.oomKills, 0);
  assert.ok((await bench.cgroups.processes(path)).includes(pid));
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), [path]);
  const later = await bench.cgroups.usage(path);
  assert.ok(later && later.cpu.totalNanos >= usage.cpu.totalNanos);
  stdio.close();
});

test('a group that is gone has no usage and no processes, and is removed without complaint', async () => {
  await using bench = await TaskBench.make();
  const path = `${bench.cgroupParent}/nosuch`;
  assert.equal(await bench.cgroups.usage(path), undefined);
  assert.deepEqual(await bench.cgroups.processes(path), []);
  assert.deepEqual(await bench.cgroups.list(path), []);
  await bench.cgroups.remove(path);
});

test('to expect a move leaves this process in its groups', async () => {
  await using bench = await TaskBench.make();
  const before = await readFile('/proc/self/cgroup', 'utf8');
  bench.cgroups.expectMove();
  await bench.launch(['true']);
  assert.equal(await readFile('/proc/self/cgroup', 'utf8'), before);
});

test('a watch for lack of memory of a group that is gone holds no descriptor', async () => {
  await using bench = await TaskBench.make();
  const before = readdirSync('/proc/self/fd').length;
  bench.cgroups.watchOom(`${bench.cgroupParent}/nosuch`, () => undefined);
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
