import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { execProcess } from '#domain/container/process.ts';
import { TaskBench, testContainer, testFacts } from '../support/tasks.ts';

test('with runc a task waits for its start, runs, is paused, limited, signalled, and leaves nothing', async () => {
  await using bench = await TaskBench.make('runc');
  const task = bench.task(['sh', '-c', 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done']);
  const { pid } = await bench.runtime.create(task);
  assert.deepEqual(await bench.runtime.observe(task.id), { status: 'created', pid });
  const stdio = await bench.runtime.attach(task.id);
  await bench.runtime.start(task.id);
  await once(stdio.stdout, 'data');
  stdio.close();
  await bench.runtime.pause(task.id);
  assert.equal((await bench.runtime.observe(task.id)).status, 'paused');
  await bench.runtime.resume(task.id);
  await bench.runtime.update(task.id, { pids: { limit: 99 } });
  assert.equal((await bench.cgroups.usage(`${bench.cgroupParent}/${task.id}`))?.pids.limit, 99);
  await bench.runtime.signal(task.id, 15);
  assert.equal((await bench.exited(task.id)).exitCode, 7);
  await assert.rejects(bench.runtime.start(task.id), { code: 'task-not-created' });
  await bench.runtime.delete(task.id);
  assert.deepEqual(await bench.runtime.list(), []);
  assert.deepEqual(await bench.cgroups.list(bench.cgroupParent), []);
});

test('with runc an executable that is missing or may not be run fails with the words of crun’s', async () => {
  await using bench = await TaskBench.make('runc');
  const cases: [string, string, RegExp][] = [
    ['nosuch', 'executable-not-found', /: exec: "nosuch": executable file not found in \$PATH: unknown$/],
    [
      '/nosuch',
      'executable-not-found',
      /: exec: "\/nosuch": stat \/nosuch: no such file or directory: unknown$/,
    ],
    ['/etc', 'executable-not-permitted', /: exec: "\/etc": permission denied: unknown$/],
  ];
  for (const [command, code, message] of cases)
    await assert.rejects(bench.runtime.create(bench.task([command])), { code, message });
  const { id } = await bench.launch(['sleep', '1000']);
  const exec = bench.runtime.exec(id, processOf(['nosuch']), { tty: false, stdin: true });
  await assert.rejects(exec, {
    code: 'executable-not-found',
    message: /executable file not found in \$PATH: unknown$/,
  });
  assert.deepEqual(readdirSync(join(bench.folder, 'run/execs')), []);
});

test('with runc processes run beside the main one, by pipes and on a terminal', async () => {
  await using bench = await TaskBench.make('runc');
  const { id } = await bench.launch(['sleep', '1000']);
  const before = readdirSync('/proc/self/fd').length;
  const piped = await bench.runtime.exec(id, processOf(['sh', '-c', 'cat; echo bad >&2; exit 5']), {
    tty: false,
    stdin: true,
  });
  piped.stdin.end('words');
  const [out, err, exit] = await Promise.all([text(piped.stdout), text(piped.stderr), piped.exit]);
  assert.deepEqual({ out, err, exit }, { out: 'words', err: 'bad\n', exit: { exitCode: 5 } });
  const script =
    'trap "stty size; exit 6" WINCH; until stty size | grep 70; do :; done; while :; do sleep 0.05; done';
  const terminal = await bench.runtime.exec(id, processOf(['sh', '-c', script], [20, 70]), {
    tty: true,
    stdin: true,
  });
  let screen = '';
  terminal.stdout.on('data', (chunk) => (screen += String(chunk)));
  while (!screen.includes('20 70\r\n')) await once(terminal.stdout, 'data');
  await terminal.resize(111, 22);
  assert.deepEqual(await terminal.exit, { exitCode: 6 });
  assert.match(screen, /22 111\r\n$/);
  assert.deepEqual(readdirSync(join(bench.folder, 'run/execs')), []);
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

function processOf(args: string[], size?: [number, number]): ReturnType<typeof execProcess> {
  return execProcess({
    container: testContainer('x', ['sleep', '1000']),
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    host: testFacts(),
    args,
    tty: size !== undefined,
    privileged: false,
    env: [],
    cwd: '/',
    ...(size === undefined ? {} : { consoleSize: size }),
  });
}
