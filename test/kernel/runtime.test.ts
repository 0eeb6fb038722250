import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { TaskBench } from '../support/tasks.ts';

test('a task is created, waits for its start, runs, ends with its code, and leaves nothing after its removal', async () => {
  await using bench = await TaskBench.make();
  const { runtime } = bench;
  const task = bench.task(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  const { pid } = await runtime.create(task);
  assert.deepEqual(await runtime.observe(task.id), { status: 'created', pid });
  assert.equal(await runtime.exitOf(task.id), undefined);
  await runtime.start(task.id);
  const exit = await bench.exited(task.id);
  assert.equal(exit.exitCode, 7);
  assert.equal(exit.oomKilled, false);
  assert.match(exit.exitedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.equal(bench.output(task.id), 'out\n');
  assert.equal(bench.output(task.id, 'stderr'), 'err\n');
  assert.deepEqual(await runtime.exitOf(task.id), exit);
  assert.deepEqual(await runtime.observe(task.id), { status: 'stopped', pid: 0 });
  assert.deepEqual(await runtime.list(), [task.id]);
  await runtime.delete(task.id);
  assert.deepEqual(await runtime.list(), []);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
  assert.deepEqual(await runtime.observe(task.id), { status: 'absent', pid: 0 });
  assert.equal(existsSync(`/proc/${pid}`), false);
  await runtime.delete(task.id);
});

test('a signal ends the main process with 128 plus its number; a task that does not run takes none', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  await bench.runtime.signal(id, 9);
  assert.equal((await bench.exited(id)).exitCode, 137);
  await assert.rejects(bench.runtime.signal(id, 9), { code: 'task-not-running', kind: 'conflict' });
});
