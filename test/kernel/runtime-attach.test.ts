import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TaskBench } from '../support/tasks.ts';

test('attached before its start, a client gets every byte of stdout and stderr, and the end', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'seq 1 20000; echo problem >&2']);
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  const output = Promise.all([text(stdio.stdout), text(stdio.stderr)]);
  await bench.runtime.start(task.id);
  const [out, err] = await output;
  const expected = Array.from({ length: 20000 }, (_, i) => `${i + 1}\n`).join('');
  assert.equal(out, expected);
  assert.equal(err, 'problem\n');
  await bench.exited(task.id);
  assert.equal(bench.output(task.id), expected);
});

test('20 MB through stdin and back arrive unchanged, and the end of stdin reaches the process', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['cat'], { stdin: true, stdinOnce: true, log: false });
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  await bench.runtime.start(task.id);
  const sent = randomBytes(20 * 1024 * 1024);
  const [received] = await Promise.all([digest(stdio.stdout), pipeline([sent], stdio.stdin)]);
  assert.deepEqual(received, { length: sent.length, sum: createHash('sha256').update(sent).digest('hex') });
  assert.equal((await bench.exited(task.id)).exitCode, 0);
});

async function digest(stream: Readable): Promise<{ length: number; sum: string }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of stream) {
    const bytes: unknown = chunk;
    assert.ok(Buffer.isBuffer(bytes));
    length += bytes.length;
    hash.update(bytes);
  }
  return { length, sum: hash.digest('hex') };
}

test('two clients see the same output; one that lets go leaves the task and the other alone', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'while read line; do echo "got $line"; done; echo end'], {
    stdin: true,
  });
  await bench.runtime.create(task);
  const first = await bench.runtime.attach(task.id);
  const second = await bench.runtime.attach(task.id);
  await bench.runtime.start(task.id);
  const seen = firstLine(second.stdout);
  first.stdin.write('one\n');
  assert.equal(await firstLine(first.stdout), 'got one\n');
  assert.equal(await seen, 'got one\n');
  first.close();
  first.close();
  second.stdin.write('two\n');
  assert.equal(await firstLine(second.stdout), 'got two\n');
  assert.equal((await bench.runtime.observe(task.id)).status, 'running');
});

async function firstLine(stream: Readable): Promise<string> {
  let line = '';
  while (!line.endsWith('\n')) {
    const chunk: unknown = stream.read();
    if (Buffer.isBuffer(chunk)) line += chunk.toString();
    else await once(stream, 'readable');
  }
  return line;
}

test('stdin that is closed once stays open when a client that never typed lets go', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['cat'], { stdin: true, stdinOnce: true });
  await bench.runtime.create(task);
  const onlooker = await bench.runtime.attach(task.id);
  const typist = await bench.runtime.attach(task.id);
  await bench.runtime.start(task.id);
  onlooker.close();
  typist.stdin.write('still here\n');
  assert.equal(await firstLine(typist.stdout), 'still here\n');
  typist.stdin.end();
  assert.equal((await bench.exited(task.id)).exitCode, 0);
});

test('clients that come and go leave no descriptor behind', async () => {
  await using bench = await TaskBench.make();
  const { id } = await bench.launch(['cat'], { stdin: true });
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 5; i++) (await bench.runtime.attach(id)).close();
  await setImmediate();
  assert.equal(readdirSync('/proc/self/fd').length, before);
  assert.equal((await bench.runtime.observe(id)).status, 'running');
});

test('a client that does not read makes the task wait, and nothing of the output is lost to it or to the log', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'seq 1 300000']);
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  await bench.runtime.start(task.id);
  await once(stdio.stdout, 'readable');
  const out = (await buffer(stdio.stdout)).toString();
  await bench.exited(task.id);
  assert.equal(out.length, bench.output(task.id).length);
  assert.equal(out.slice(-7), '300000\n');
});

test('a client that wants stdout only destroys stderr and still gets all of stdout', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'seq 1 30000 >&2; seq 1 30000']);
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  stdio.stderr.destroy();
  await bench.runtime.start(task.id);
  assert.match(await text(stdio.stdout), /\n30000\n$/);
});

test('on a terminal the process sees one, its size can be changed, and control-C interrupts', async () => {
  await using bench = await TaskBench.make();
  const script =
    'trap "echo interrupted; exit 3" INT; trap "stty size" WINCH; tty; stty size; while :; do sleep 0.05; done';
  const task = bench.task(['sh', '-c', script], {
    tty: true,
    stdin: true,
    hostConfig: { ConsoleSize: [30, 100] },
  });
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  const screen = new Screen(stdio.stdout);
  await bench.runtime.start(task.id);
  await screen.shows('/dev/pts/0\r\n30 100\r\n');
  await bench.runtime.resize(task.id, 132, 43);
  await screen.shows('43 132\r\n');
  stdio.stdin.write('\x03');
  await screen.shows('interrupted');
  assert.equal((await bench.exited(task.id)).exitCode, 3);
});

test('a new size of the terminal is in force when resizing returns', async () => {
  await using bench = await TaskBench.make();
  const task = bench.task(['sh', '-c', 'stty -echo; echo ready; while read line; do stty size; done'], {
    tty: true,
    stdin: true,
  });
  await bench.runtime.create(task);
  const stdio = await bench.runtime.attach(task.id);
  const screen = new Screen(stdio.stdout);
  await bench.runtime.resize(task.id, 80, 24);
  await bench.runtime.start(task.id);
  await screen.shows('ready');
  let expected = 'ready\r\n';
  for (let rows = 25; rows < 45; rows++) {
    await bench.runtime.resize(task.id, 90, rows);
    stdio.stdin.write('\n');
    expected += `${rows} 90\r\n`;
    await screen.shows(`${rows} 90\r\n`);
  }
  assert.equal(screen.text, expected);
  stdio.stdin.write('\x04');
  await bench.exited(task.id);
  await assert.rejects(bench.runtime.resize('nosuch', 1, 1), { code: 'task-not-running' });
});

class Screen {
  #text = '';
  #changed = Promise.withResolvers<void>();

  get text(): string {
    return this.#text;
  }

  constructor(stream: Readable) {
    stream.on('data', (chunk) => {
      this.#text += String(chunk);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  async shows(expected: string): Promise<void> {
    while (!this.#text.includes(expected)) await this.#changed.promise;
  }
}
