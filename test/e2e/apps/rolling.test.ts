import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const port = await freePort();

const web = (version: string, more = ''): string => `services:
  web:
    image: busybox
    command: sh -c "mkdir -p /www; echo $$VERSION > /www/index.html; exec httpd -f -p 8000 -h /www"
    environment: { VERSION: "${version}" }
    stop_grace_period: 1s
    ports: ["127.0.0.1:${port}:8000"]
    healthcheck: { test: wget -qO- http://127.0.0.1:8000/, interval: 1s, start_interval: 100ms, start_period: 30s }
    x-berth: { update: { drain: 5s } }
${more}`;

// Says each version once it has answered, and each failure.
const client = `  client:
    image: busybox
    stop_grace_period: 0s
    command: sh -c "while :; do wget -qO- http://web:8000/ || echo failed; done"
    depends_on: { web: { condition: service_healthy } }
`;

async function project(name: string, compose: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), compose);
  return folder;
}

async function berth(...words: string[]): Promise<RunResult> {
  const result = await daemon.berth(...words);
  assert.equal(result.code, 0, `berth ${words.join(' ')}\n${result.stderr}${result.stdout}\n${daemon.log}`);
  return result;
}

/** Requests from outside, one after the other, each on a connection of its own, until it is stopped. */
class Load {
  readonly answers = new Map<string, number>();
  readonly failures: string[] = [];
  #isOver = false;
  readonly #done: Promise<void>[];

  constructor(url: string, clients: number) {
    this.#done = Array.from({ length: clients }, () => this.#ask(url));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#done);
  }

  async #ask(url: string): Promise<void> {
    while (!this.#isOver)
      try {
        const answer = await get(url);
        this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      } catch (error) {
        this.failures.push(String(error));
      }
  }
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: new Agent({ keepAlive: false }), timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200 && text !== '') resolve(text.trim());
        else reject(new Error(`status ${response.statusCode ?? 0}, '${text}'`));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer within 10 seconds')));
    asked.on('error', reject);
    asked.end();
  });
}

/** What the client in the network saw: how many answers of each version, and how often none. */
async function insideOf(app: string): Promise<Record<string, number>> {
  const { stdout } = await berth('logs', `${app}/client`);
  const seen: Record<string, number> = {};
  for (const line of stdout.split('\n').filter((one) => one !== '')) seen[line] = (seen[line] ?? 0) + 1;
  return seen;
}

test('an update, a scale to 10 and back, and a replaced replica cost no request from inside or outside', async (t) => {
  const folder = await project('roll', web('one', client));
  await berth('up', folder);
  t.after(() => daemon.berth('down', folder));
  const load = new Load(`http://127.0.0.1:${port}/`, 3);
  try {
    await project('roll', web('two', client));
    const { stderr } = await berth('up', folder);
    assert.match(stderr, /send requests to roll-web-1-next: done/);
    assert.equal(await get(`http://127.0.0.1:${port}/`), 'two');

    const grown = await berth('scale', 'roll/web=10');
    assert.match(grown.stdout, /roll-web-10 +healthy/);
    const again = await berth('up', folder);
    assert.match(again.stderr, /web stays at 10 replicas, as berth scale set it; the file says 1/);
    assert.match(again.stdout, /nothing changed/);
    await project('roll', web('three', client));
    await berth('up', folder);
    assert.equal(await get(`http://127.0.0.1:${port}/`), 'three');
    await berth('scale', 'roll/web=1');
    assert.equal(
      await daemon.ok('ps', '-aq', '--filter', 'name=roll-web').then((ids) => ids.split('\n').length),
      1,
    );
  } finally {
    await load.stop();
  }
  const inside = await insideOf('roll');
  t.diagnostic(`outside ${JSON.stringify([...load.answers])}, inside ${JSON.stringify(inside)}`);
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()].sort(), ['one', 'three', 'two']);
  assert.equal(inside['failed'], undefined, JSON.stringify(inside));
  assert.deepEqual(Object.keys(inside).sort(), ['one', 'three', 'two']);
});

test('a canary answers a part of the requests; promote makes it whole, abort takes it away', async () => {
  const folder = await project('try', web('old'));
  await berth('up', folder);
  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'try-web-1');
  await project('try', web('new'));
  await berth('up', '--canary', '20%', folder);
  assert.equal(
    await daemon.ok('ps', '--filter', 'name=try', '--format', '{{.Names}}'),
    'try-web-2\ntry-web-1',
  );
  const load = new Load(`http://127.0.0.1:${port}/`, 2);
  while (load.answers.size < 2 && load.failures.length === 0) await get(`http://127.0.0.1:${port}/`);
  await berth('abort', folder);
  assert.equal(await daemon.ok('ps', '-aq', '--no-trunc', '--filter', 'name=try'), former);
  await berth('up', '--canary', '20%', folder);
  await berth('promote', 'try');
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await daemon.ok('ps', '-a', '--filter', 'name=try', '--format', '{{.Names}}'), 'try-web-1');
  assert.equal(await get(`http://127.0.0.1:${port}/`), 'new');
  const { code, stderr } = await daemon.berth('promote', 'try');
  assert.deepEqual(
    [code, /nothing of a next revision of the app try is being tried/.test(stderr)],
    [1, true],
  );
  await berth('down', folder);
});

test('kill -9 of the daemon in the middle of an update costs no request, and the next up goes on with it', async (t) => {
  const folder = await project('torn', web('before'));
  await berth('up', folder);
  const load = new Load(`http://127.0.0.1:${port}/`, 2);
  try {
    await project('torn', web('after'));
    const broken = daemon.berth('up', folder);
    const events = await daemon.open('GET', '/events?since=1');
    for await (const line of createInterface(events))
      if (line.includes('"start"') && line.includes('torn-web-1-next')) break;
    events.destroy();
    await daemon.kill9();
    assert.equal((await broken).code, 1);
    await daemon.start();
    await berth('up', folder);
    assert.equal(await get(`http://127.0.0.1:${port}/`), 'after');
    assert.equal(
      await daemon.ok('ps', '-a', '--filter', 'name=torn', '--format', '{{.Names}}'),
      'torn-web-1',
    );
  } finally {
    await load.stop();
  }
  t.diagnostic(JSON.stringify([...load.answers]));
  assert.deepEqual(load.failures, []);
  await berth('down', folder);
});

const late = (check: string): string => `  late:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    depends_on: { web: { condition: service_healthy } }
    healthcheck: { test: ${check}, interval: 100ms, retries: 2 }
`;

test('an update that fails in its second service puts the first one back too, without a failed request', async () => {
  const folder = await project('whole', web('good', late('"true"')));
  await berth('up', folder);
  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'whole-web-1', 'whole-late-1');
  const load = new Load(`http://127.0.0.1:${port}/`, 2);
  try {
    await project('whole', web('bad', late('echo too bad; exit 1')));
    const { code, stderr } = await daemon.berth('up', folder);
    assert.equal(code, 1);
    assert.match(stderr, /send requests to whole-web-1-next: done/);
    assert.match(stderr, /exit code 1, output:\n +too bad/);
    assert.match(stderr, /send requests to whole-web-1-next: undone/);
    assert.equal(await get(`http://127.0.0.1:${port}/`), 'good');
  } finally {
    await load.stop();
  }
  assert.deepEqual(load.failures, []);
  assert.ok((load.answers.get('bad') ?? 0) > 0, 'the update was never let in');
  assert.equal(await daemon.ok('inspect', '-f', '{{.Id}}', 'whole-web-1', 'whole-late-1'), former);
  assert.equal((await daemon.ok('ps', '-aq', '--filter', 'name=whole')).split('\n').length, 2);
  await berth('down', folder);
});
