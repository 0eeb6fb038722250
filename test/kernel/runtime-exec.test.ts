import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ConmonRuntime } from '#adapters/conmon/runtime.ts';
import { execProcess } from '#domain/container/process.ts';
import type { ProcessSpec } from '#domain/container/runtime-spec.ts';
import { TaskBench, testContainer, testFacts } from '../support/tasks.ts';

function processOf(args: string[], tty = false, size?: [number, number]): ProcessSpec {
  return execProcess({
    container: testContainer('x', ['sleep', '1000']),
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    host: testFacts(),
    args,
    tty,
    privileged: false,
    env: ['EXTRA=1'],
    cwd: '/tmp',
    ...(size === undefined ? {} : { consoleSize: size }),
  });
}

const piped = { tty: false, stdin: false };

test('a process runs beside the main one: streams apart, environment, folder, exit code, no file left', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const exec = await bench.runtime.exec(
    id,
    processOf(['sh', '-c', 'pwd; echo $EXTRA; echo bad >&2; exit 5']),
    piped,
  );
  assert.ok(exec.pid > 0);
  const [out, err, exit] = await Promise.all([text(exec.stdout), text(exec.stderr), exec.exit]);
  assert.deepEqual({ out, err, exit }, { out: '/tmp\n1\n', err: 'bad\n', exit: { exitCode: 5 } });
  assert.deepEqual(readdirSync(join(bench.folder, 'run/execs')), []);
  assert.equal((await bench.runtime.observe(id)).status, 'running');
});

test('4 MB through an exec and back arrive unchanged', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const exec = await bench.runtime.exec(id, processOf(['cat']), { tty: false, stdin: true });
  const sent = randomBytes(4 * 1024 * 1024);
  exec.stdin.end(sent);
  exec.stderr.resume();
  const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  assert.equal(sum(await buffer(exec.stdout)), sum(sent));
  assert.deepEqual(await exec.exit, { exitCode: 0 });
});

test('a process may open its standard streams anew, also as another user', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const process = processOf(['sh', '-c', 'echo out > /dev/stdout; echo err > /dev/stderr']);
  process.user = { uid: 1000, gid: 1000 };
  const exec = await bench.runtime.exec(id, process, piped);
  const [out, err, exit] = await Promise.all([text(exec.stdout), text(exec.stderr), exec.exit]);
  assert.deepEqual({ out, err, exit }, { out: 'out\n', err: 'err\n', exit: { exitCode: 0 } });
});

test('on a terminal of its own: name, size, resize, control-C, signal', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  // crun sets the first size beside the start of the process, which may look before that.
  const sized = 'until [ "$(stty size 2>/dev/null)" = "20 70" ]; do sleep 0.01; done; stty size';
  const script = `trap "echo interrupted; exit 4" INT; tty; ${sized}; read x; stty size; echo ready; while :; do sleep 0.05; done`;
  const exec = await bench.runtime.exec(id, processOf(['sh', '-c', script], true, [20, 70]), {
    tty: true,
    stdin: true,
  });
  let screen = '';
  exec.stdout.on('data', (chunk) => (screen += String(chunk)));
  const shows = async (expected: string): Promise<void> => {
    while (!screen.includes(expected)) await once(exec.stdout, 'data');
  };
  await shows('/dev/pts/0\r\n20 70\r\n');
  await exec.resize(111, 22);
  exec.stdin.write('\r');
  await shows('22 111\r\nready\r\n');
  exec.stdin.write('\x03');
  assert.deepEqual(await exec.exit, { exitCode: 4 });
  assert.match(screen, /interrupted/);
});

test('a signal reaches the process of an exec', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const exec = await bench.runtime.exec(
    id,
    processOf(['sh', '-c', 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done']),
    piped,
  );
  await once(exec.stdout, 'data');
  exec.signal(15);
  exec.close();
  assert.deepEqual(await exec.exit, { exitCode: 9 });
});

test('an exec whose client lets go runs on', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const exec = await bench.runtime.exec(id, processOf(['sh', '-c', 'seq 1 100000; exit 6']), piped);
  exec.close();
  assert.deepEqual(await exec.exit, { exitCode: 6 });
});

test('what cannot be run fails with the words from which clients derive 127 and 126', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  await assert.rejects(bench.runtime.exec(id, processOf(['nosuch']), piped), {
    code: 'executable-not-found',
    message:
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown',
  });
  await assert.rejects(bench.runtime.exec(id, processOf(['/etc/passwd']), piped), {
    code: 'executable-not-permitted',
    message: /exec: "\/etc\/passwd": permission denied/,
  });
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 3; i++)
    await assert.rejects(bench.runtime.exec(id, processOf(['nosuch'], true), { tty: true, stdin: true }), {
      code: 'executable-not-found',
    });
  assert.ok(readdirSync('/proc/self/fd').length <= before, 'a terminal stays open');
  assert.deepEqual(readdirSync(join(bench.folder, 'run/execs')), []);
});

test('a runtime that cannot be started is an error, and no descriptor or file is left', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['sleep', '1000']);
  const broken = await ConmonRuntime.open({
    run: join(bench.folder, 'run'),
    cgroups: bench.cgroups,
    logPath: (task) => join(bench.folder, 'logs', task),
    report: (problem) => assert.fail(problem),
    crun: '/nosuch/crun',
  });
  const before = readdirSync('/proc/self/fd').length;
  await assert.rejects(broken.exec(id, processOf(['true']), piped), /nosuch\/crun/);
  await assert.rejects(
    broken.exec(id, processOf(['true'], true), { tty: true, stdin: true }),
    /nosuch\/crun/,
  );
  assert.equal(readdirSync('/proc/self/fd').length, before);
  assert.deepEqual(readdirSync(join(bench.folder, 'run/execs')), []);
  await broken.close();
});

test('a task that ended takes no exec', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.complete(['true']);
  await assert.rejects(bench.runtime.exec(id, processOf(['true']), piped), { code: 'task-not-running' });
});
