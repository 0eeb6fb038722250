import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openProcess, ProcessWatch } from '#adapters/linux/pidfd.ts';
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
  if (!report.includes('\n')) assert.fail(`the starter ended with ${(await gone).join(' ')}`);
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

test('an exit that the monitor has still to write is awaited', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done']);
  const pid = await startInAnotherProcess(bench, task);
  while (!bench.log(task.id).includes('ready')) await setImmediate();
  signalMonitor(bench, task.id, 'SIGSTOP');
  const main = openProcess(pid);
  assert.ok(main !== undefined);
  const ended = new Promise<void>((resolve) => new ProcessWatch(main, resolve));
  process.kill(pid, 'SIGTERM');
  await ended;
  const heir = await openRuntime(bench.folder);
  const exit = heir.exitOf(task.id);
  signalMonitor(bench, task.id, 'SIGCONT');
  assert.equal((await exit)?.exitCode, 9);
  await heir.close();
});

function signalMonitor(bench: TaskBench, id: string, signal: NodeJS.Signals): void {
  const pid = Number(readFileSync(join(bench.folder, 'run/bundles', id, 'conmon.pid'), 'utf8'));
  process.kill(pid, signal);
}

function killMonitor(bench: TaskBench, id: string): void {
  signalMonitor(bench, id, 'SIGKILL');
}

test('when a monitor is killed, its task is ended at once, also when it is paused, and that is told', async () => {
  await using bench = await TaskBench.make();
  const [plain, paused] = [
    await bench.launch(['sh', '-c', 'trap "" HUP PIPE; sleep 1000 & sleep 1000']),
    await bench.launch(['sleep', '1000']),
  ];
  await bench.runtime.pause(paused.id);
  for (const { id } of [plain, paused]) {
    killMonitor(bench, id);
    const { exitCode, oomKilled } = await bench.exited(id);
    assert.deepEqual({ exitCode, oomKilled }, { exitCode: 137, oomKilled: false });
    assert.deepEqual(await bench.runtime.processes(id), []);
    assert.equal((await bench.runtime.exitOf(id))?.exitCode, 137);
    await bench.runtime.delete(id);
  }
  assert.deepEqual(await bench.runtime.list(), []);
  assert.deepEqual(readdirSync(join(bench.folder, 'run/exits')), []);
});

test('a monitor that is killed while nobody watches has its task ended by who comes next', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sleep', '1000']);
  await startInAnotherProcess(bench, task);
  await bench.runtime.close();
  killMonitor(bench, task.id);
  const heir = await openRuntime(bench.folder);
  const exit = await heir.exitOf(task.id);
  await heir.close();
  assert.equal(exit?.exitCode, 137);
  assert.deepEqual(await heir.processes(task.id), []);
});

test('a monitor that a restarted daemon took over is watched', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sleep', '1000']);
  await startInAnotherProcess(bench, task);
  const heir = await openRuntime(bench.folder);
  const exited = new Promise<number>((resolve) => heir.onExit(({ exitCode }) => resolve(exitCode)));
  killMonitor(bench, task.id);
  assert.equal(await exited, 137);
  await heir.close();
});
