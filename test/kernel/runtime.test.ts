import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TaskBench } from '../support/tasks.ts';

test('a task is created, waits for its start, runs, ends with its code, and leaves nothing after its removal', async () => {
  await using bench = await TaskBench.make();
  const { runtime } = bench;
  const task = bench.task(['sh', '-c', 'echo out; echo err >&2; exit 7']);
  const { pid } = await runtime.create(task);
  // Looking must not disturb the waiting process.
  for (let i = 0; i < 20; i++) assert.deepEqual(await runtime.observe(task.id), { status: 'created', pid });
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

test('many tasks at once come and go without a trace: no mount, group, process, descriptor or file', async () => {
  await using bench = await TaskBench.make();
  await bench.runtime.delete((await bench.complete(['true'])).id);
  const before = traces(bench.folder);
  const codes = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const { id, exitCode } = await bench.complete(['sh', '-c', `echo ${i}; exit ${i}`]);
      assert.equal(bench.output(id), `${i}\n`);
      await bench.runtime.delete(id);
      return exitCode;
    }),
  );
  assert.deepEqual(
    codes,
    Array.from({ length: 12 }, (_, i) => i),
  );
  assert.deepEqual(traces(bench.folder), before);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
});

function traces(folder: string): Record<string, unknown> {
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  return {
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(folder)),
    processes: commands.filter((command) => command.includes(folder)).length,
    descriptors: readdirSync('/proc/self/fd').length,
    files: ['bundles', 'crun', 'exits', 'execs'].map((name) => readdirSync(join(folder, 'run', name))),
  };
}

test('the exit of each run of a task is told, however soon it follows the removal of the one before', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'exit 3']);
  const told: number[] = [];
  for (let run = 1; run <= 10; run++) {
    const exit = new Promise<number>((resolve) => bench.runtime.onExit(({ exitCode }) => resolve(exitCode)));
    await bench.runtime.create(task);
    await bench.runtime.start(task.id);
    told.push(await exit);
    await bench.runtime.delete(task.id);
  }
  assert.deepEqual(told, Array<number>(10).fill(3));
});
