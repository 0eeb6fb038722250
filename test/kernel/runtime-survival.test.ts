import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openRuntime, TaskBench } from '../support/tasks.ts';

async function startInAnotherProcess(bench: TaskBench, task: ReturnType<TaskBench['task']>): Promise<number> {
  const file = join(bench.folder, 'task.json');
  writeFileSync(file, JSON.stringify(task));
  const parent = spawn(
    process.execPath,
    [join(import.meta.dirname, '../support/task-parent.ts'), bench.folder, file],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const gone = once(parent, 'exit');
  let report = '';
  for await (const chunk of parent.stdout) {
    report += String(chunk);
    if (report.includes('\n')) break;
  }
  parent.kill('SIGKILL');
  await gone;
  return Number(report);
}

test('after a kill -9 of its starter a task runs on, is taken over, and nothing of its output is missing', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task([
    'sh',
    '-c',
    'i=0; while [ $i -lt 200 ]; do echo $i; i=$((i+1)); sleep 0.005; done; exit 3',
  ]);
  const pid = await startInAnotherProcess(bench, task);
  const heir = await openRuntime(bench.folder);
  const exited = new Promise<number>((resolve) => heir.onExit(({ exitCode }) => resolve(exitCode)));
  try {
    assert.deepEqual(await heir.list(), [task.id]);
    assert.deepEqual(await heir.observe(task.id), { status: 'running', pid });
    assert.equal(await exited, 3);
    assert.equal(bench.output(task.id), Array.from({ length: 200 }, (_, i) => `${i}\n`).join(''));
  } finally {
    await heir.delete(task.id);
    await heir.close();
  }
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
});

test('an exit that came while nobody watched is found afterwards', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'echo done; exit 9']);
  await startInAnotherProcess(bench, task);
  await bench.exited(task.id);
  const heir = await openRuntime(bench.folder);
  const exit = await heir.exitOf(task.id);
  await heir.close();
  assert.equal(exit?.exitCode, 9);
  assert.equal(bench.output(task.id), 'done\n');
});

test('a task that ended after its monitor was killed has an exit all the same, and is removed', async () => {
  await using bench = await TaskBench.make();
  const { id, pid } = await bench.launch(['sleep', '1000']);
  const monitor = Number(readFileSync(join(bench.folder, 'run/bundles', id, 'conmon.pid'), 'utf8'));
  process.kill(monitor, 'SIGKILL');
  assert.equal(await bench.runtime.exitOf(id), undefined);
  assert.deepEqual(await bench.runtime.observe(id), { status: 'running', pid });
  await bench.runtime.signal(id, 9);
  while ((await bench.runtime.observe(id)).status !== 'stopped') await setImmediate();
  assert.equal((await bench.runtime.exitOf(id))?.exitCode, 137);
  await bench.runtime.delete(id);
  assert.deepEqual(await bench.runtime.list(), []);
});
