import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FileLogStore } from '#adapters/logs/file-log-store.ts';
import { ConmonRuntime } from '#adapters/conmon/runtime.ts';
import type { TaskOom } from '#ports/runtime.ts';
import { openRuntime, TaskBench } from '../support/tasks.ts';

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes('berth-runtime'));
}

test('a task whose executable is missing or may not be run fails with words from which clients derive 127 and 126, and leaves nothing', async () => {
  await using bench = await TaskBench.make();
  writeFileSync(join(bench.folder, 'rootfs/plain'), 'text');
  chmodSync(join(bench.folder, 'rootfs/plain'), 0o644);
  const opening =
    'failed to create task for container: failed to create shim task: OCI runtime create failed: ';
  const cases: [string, string, string][] = [
    ['nosuch', 'executable-not-found', 'exec: "nosuch": executable file not found in $PATH: unknown'],
    ['/nosuch', 'executable-not-found', 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'],
    ['/plain', 'executable-not-permitted', 'exec: "/plain": permission denied: unknown'],
    ['/etc', 'executable-not-permitted', 'exec: "/etc": permission denied: unknown'],
  ];
  for (const [command, code, ending] of cases) {
    await assert.rejects(bench.runtime.create(bench.task([command])), (error) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, code);
      assert.ok(error.message.startsWith(opening) && error.message.endsWith(ending), error.message);
      return true;
    });
  }
  assert.deepEqual(await bench.runtime.list(), []);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
  assert.deepEqual(readdirSync(join(bench.folder, 'run/exits')), []);
  assert.deepEqual(mounts(), []);
});

test('a specification that the runtime refuses fails with its words and leaves nothing', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['true']);
  task.spec.mounts.push({ destination: '/x', type: 'bind', source: '/nosuch/source', options: ['rbind'] });
  await assert.rejects(bench.runtime.create(task), {
    code: 'runtime-create-failed',
    message: /nosuch\/source/,
  });
  assert.deepEqual(await bench.runtime.list(), []);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
});

test('a missing monitor is an error that says so', async () => {
  await using bench = await TaskBench.make();
  const runtime = await ConmonRuntime.open({
    run: join(bench.folder, 'other'),
    cgroups: bench.cgroups,
    logPath: (id) => join(bench.folder, 'logs', id),
    report: (problem) => assert.fail(problem),
    conmon: '/nosuch/conmon',
  });
  await assert.rejects(runtime.create(bench.task(['true'])), /nosuch\/conmon/);
  assert.deepEqual(await runtime.list(), []);
  await runtime.close();
});

test('a task that takes more memory than it may is ended by the kernel, and that is told', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(
    ['sh', '-c', 'yes xxxxxxxxxxxxxxxx | tr -d "\\n" | tail -c 200000000 | wc -c; exit $?'],
    {
      hostConfig: { Memory: 16 * 1024 * 1024, MemorySwap: 16 * 1024 * 1024 },
    },
  );
  assert.equal((await bench.exited(id)).oomKilled, true);
  assert.equal(existsSync('oom'), false, 'conmon left a file in the working folder');
});

test('the moment when a child runs out of memory is told, with limit and peak, while the task goes on', async () => {
  await using bench = await TaskBench.make();
  const limit = 16 * 1024 * 1024;
  const watched = eventDescriptors();
  const oom = new Promise<TaskOom>((resolve) => bench.runtime.onOom(resolve));
  const script = 'yes xxxxxxxxxxxxxxxx | tr -d "\\n" | tail -c 200000000 | wc -c; echo over; sleep 1000';
  const { id } = await bench.launch(['sh', '-c', script], {
    hostConfig: { Memory: limit, MemorySwap: limit },
  });
  const told = await oom;
  assert.equal(told.id, id);
  assert.equal(told.memory.limit, limit);
  assert.ok(told.memory.peak > limit / 2 && told.memory.peak <= limit, String(told.memory.peak));
  assert.equal((await bench.runtime.observe(id)).status, 'running');
  await bench.runtime.delete(id);
  while (eventDescriptors() > watched) await setImmediate();
});

function eventDescriptors(): number {
  const links = readdirSync('/proc/self/fd').map((name) => targetOf(`/proc/self/fd/${name}`));
  return links.filter((link) => link === 'anon_inode:[eventfd]').length;
}

/** '' for a descriptor that has been closed since. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

test('a limit that comes later, and a task that another process began, are watched too', async () => {
  await using bench = await TaskBench.make();
  const limit = 16 * 1024 * 1024;
  const { id } = await bench.launch(['sh', '-c', 'read x; tail -c 200000000 /dev/zero; sleep 1000'], {
    stdin: true,
  });
  await bench.runtime.update(id, { memory: { limit, swap: limit } });
  const heir = await openRuntime(bench.folder);
  try {
    const told = [bench.runtime, heir].map(
      (runtime) => new Promise<TaskOom>((resolve) => runtime.onOom(resolve)),
    );
    const stdio = await bench.runtime.attach(id);
    stdio.stdin.write('\n');
    for (const oom of await Promise.all(told)) assert.equal(oom.memory.limit, limit);
    stdio.close();
  } finally {
    await heir.close();
  }
});

test('a paused task stands still until it is resumed, also when it is removed', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sh', '-c', 'while :; do echo x; sleep 0.01; done']);
  const stdio = await bench.runtime.attach(id);
  await once(stdio.stdout, 'data');
  await bench.runtime.pause(id);
  assert.equal((await bench.runtime.observe(id)).status, 'paused');
  await bench.runtime.resume(id);
  assert.equal((await bench.runtime.observe(id)).status, 'running');
  await once(stdio.stdout, 'data');
  stdio.close();
  await bench.runtime.pause(id);
  await bench.runtime.delete(id);
  assert.deepEqual(await bench.runtime.list(), []);
});

test('removing ends what still runs, and works when the runtime has lost its half', async () => {
  await using bench = await TaskBench.make();
  const first = await bench.launch(['sh', '-c', 'sleep 1000 & sleep 1001']);
  assert.ok((await bench.runtime.processes(first.id)).includes(first.pid));
  await bench.runtime.delete(first.id);
  assert.equal(isRunning(first.pid), false);
  const second = await bench.launch(['sleep', '1000']);
  rmSync(join(bench.folder, 'run/crun', second.id), { recursive: true });
  await bench.runtime.delete(second.id);
  assert.equal(isRunning(second.pid), false);
  const third = bench.task(['true']);
  await bench.runtime.create(third);
  await bench.runtime.delete(third.id);
  assert.deepEqual(await bench.runtime.list(), []);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
});

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

test('limits are changed while a task runs', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000'], { hostConfig: { Memory: 64 * 1024 * 1024 } });
  const path = `${bench.cgroupParent}/${id}`;
  assert.equal((await bench.cgroups.usage(path))?.memory.limit, 64 * 1024 * 1024);
  await bench.runtime.update(id, {
    memory: { limit: 32 * 1024 * 1024, swap: 64 * 1024 * 1024 },
    pids: { limit: 99 },
  });
  const usage = await bench.cgroups.usage(path);
  assert.equal(usage?.memory.limit, 32 * 1024 * 1024);
  assert.equal(usage.pids.limit, 99);
});

test('while its log is rotated, no line of a task is lost or doubled for a follower', async () => {
  await using bench = await TaskBench.make();
  const store = new FileLogStore(join(bench.folder, 'store'));
  const runtime = await ConmonRuntime.open({
    run: join(bench.folder, 'run'),
    cgroups: bench.cgroups,
    logPath: (id) => store.path(id),
    report: (problem) => assert.fail(problem),
  });
  const script = 'seq 1 20000; sleep 0.05; seq 20001 40000; printf end';
  // Once the monitor begins a new file by itself, too.
  const task = bench.task(['sh', '-c', script], { logFileBytes: 1_500_000 });
  await store.prepare(task.id);
  await runtime.create(task);
  assert.equal(await store.rotate(task.id, { maxBytes: 1000, maxFiles: 100 }, assert.fail), false);
  const ended = bench.exited(task.id);
  let lines = 0;
  let rotations = 0;
  const follower = (async () => {
    for await (const { data } of store.read(task.id, { stdout: true, stderr: true, follow: true, ended })) {
      lines++;
      assert.equal(data.toString(), lines <= 40000 ? `${lines}\n` : 'end');
      if (lines % 2000 === 0) {
        const rotated = await store.rotate(task.id, { maxBytes: 1000, maxFiles: 100 }, () =>
          runtime.reopenLog(task.id),
        );
        if (rotated) rotations++;
      }
    }
  })();
  await runtime.start(task.id);
  await follower;
  assert.equal(lines, 40001);
  assert.ok(rotations > 0);
  await runtime.close();
});

test('a log that nobody rotates is bounded, and begins and ends as the output did', async () => {
  await using bench = await TaskBench.make();
  const store = new FileLogStore(join(bench.folder, 'logs'));
  const runtime = await ConmonRuntime.open({
    run: join(bench.folder, 'run'),
    cgroups: bench.cgroups,
    logPath: (id) => store.path(id),
    report: (problem) => assert.fail(problem),
  });
  const task = bench.task(['seq', '1', '100000'], { logFileBytes: 500_000 });
  await store.prepare(task.id);
  await runtime.create(task);
  assert.equal(await store.rotate(task.id, { maxBytes: 1000, maxFiles: 5 }, assert.fail), false);
  const ended = bench.exited(task.id);
  await runtime.start(task.id);
  await ended;
  assert.ok((await store.size(task.id)) <= 1_500_000);
  const lines: number[] = [];
  for await (const { data } of store.read(task.id, { stdout: true, stderr: true })) lines.push(Number(data));
  assert.deepEqual([lines[0], lines.at(-1)], [1, 100_000]);
  assert.ok(
    lines.length > 15_000 && lines.every((line, index) => index === 0 || line > (lines[index - 1] ?? 0)),
  );
  await runtime.close();
});

test('with the log driver none nothing is written', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['echo', 'unseen'], { log: false });
  await bench.runtime.create(task);
  await bench.runtime.start(task.id);
  await bench.exited(task.id);
  assert.deepEqual(readdirSync(join(bench.folder, 'logs')), []);
});
