import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { until } from '../../support/example-app.ts';
import { freePort } from '../../support/free-port.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const port = await freePort();
const url = `http://127.0.0.1:${port}/`;

/** A page that shows a secret, from two replicas. */
const compose = `
x-berth:
  secrets:
    token: { restart: true }
    made: { provider: exec, command: [printf, "from a program"] }
services:
  web:
    image: busybox
    command: sh -c "mkdir -p /www; cp /run/secrets/token /www/index.html; exec httpd -f -p 8000 -h /www"
    stop_grace_period: 1s
    ports: ["127.0.0.1:${port}:8000"]
    healthcheck: { test: wget -qO- http://127.0.0.1:8000/, interval: 1s, start_interval: 100ms, start_period: 30s }
    deploy: { replicas: 2 }
    secrets: [token, made]
secrets:
  token: { external: true }
  made: { external: true }
`;

/** One request on a connection of its own. */
function ask(): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: new Agent(), timeout: 10_000 }, (response) => {
      if (response.statusCode === 200) text(response).then(resolve, reject);
      else reject(new Error(`status ${response.statusCode ?? 0}`));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 10 seconds')));
    request.on('error', reject);
  });
}

/** Asks until it is stopped, from four clients. */
class Load {
  readonly answers = new Map<string, number>();
  readonly failures: string[] = [];
  #isOver = false;
  readonly #clients = Array.from({ length: 4 }, () => this.#client());

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#isOver)
      try {
        const answer = await ask();
        this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      } catch (error) {
        this.failures.push(String(error));
      }
  }
}

async function set(value: string, ...words: string[]): Promise<void> {
  const result = await daemon.berth('secret', 'set', 'token', ...words, { input: value });
  assert.equal(result.code, 0, `${result.stderr}${result.stdout}`);
}

test('a secret is rotated under load without a failed request, by a command and by the rule of the app', async (context) => {
  const folder = join(daemon.folder, 'rotated');
  await mkdir(folder);
  await writeFile(join(folder, 'compose.yaml'), compose);
  await set('one');
  const up = await daemon.berth('up', folder);
  assert.equal(up.code, 0, `${up.stderr}${up.stdout}\n${daemon.log}`);
  assert.equal(await daemon.ok('exec', 'rotated-web-1', 'cat', '/run/secrets/made'), 'from a program');
  const load = new Load();
  try {
    await set('two', '--restart');
    assert.equal(await ask(), 'two');
    await set('three');
    await until(ask, (answer) => answer === 'three');
    // The former replicas have gone when the change is over.
    await until(
      () => daemon.berth('history', 'rotated', '--json'),
      ({ stdout }) => stdout.includes('version 2 -> 3'),
    );
  } finally {
    await load.stop();
  }
  const total = [...load.answers.values()].reduce((sum, count) => sum + count, 0);
  context.diagnostic(`${total} requests while a secret was rotated twice, ${load.failures.length} failed`);
  assert.deepEqual(load.failures, []);
  assert.deepEqual([...load.answers.keys()].sort(), ['one', 'three', 'two']);
  assert.equal((await daemon.berth('down', 'rotated')).code, 0);
});
