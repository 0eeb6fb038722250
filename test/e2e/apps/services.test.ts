import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import type { RunResult } from '../../support/docker.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());
const port = await freePort();
const other = await freePort();

const compose = (changes: { published?: string; scale?: number } = {}): string => `
name: shop
services:
  web:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sh -c "hostname > /tmp/index.html && exec httpd -f -p 8000 -h /tmp"
    ports: [{ name: http, target: 8000, published: "${changes.published ?? port}" }]
    scale: ${changes.scale ?? 2}
  client:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sleep 1000
`;

async function berth(text: string, ...words: string[]): Promise<RunResult> {
  const folder = join(daemon.folder, 'shop');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), text);
  return daemon.berth(...words, { cwd: folder });
}

async function up(text: string): Promise<string> {
  const { code, stdout, stderr } = await berth(text, 'up');
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log}`);
  return stdout + stderr;
}

const inClient = async (...words: string[]): Promise<string> =>
  (await daemon.docker('exec', 'shop-client-1', ...words)).stdout.trim();
/** Which replicas answered that many calls by this address. */
async function answers(where: string, calls = 12): Promise<number> {
  const script = `for i in $(seq ${calls}); do wget -qO- http://${where}/ || echo none; done`;
  return new Set((await inClient('sh', '-c', script)).split('\n')).size;
}
const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();

test('a service answers at one address and one port of the host, with all its replicas behind', async () => {
  const shown = await up(compose());
  assert.match(shown, /set addresses and ports of web/);
  assert.match(shown, new RegExp(`http://[^ ]*:${port}`));
  const address =
    (await inClient('nslookup', 'web')).split('\n').findLast((line) => /^Address/.test(line)) ?? '';
  assert.equal(await answers('web:8000'), 2);
  assert.equal(await answers('shop-web-2:8000'), 1);
  assert.equal((await inClient('nslookup', 'tasks.web')).match(/^Address.*\.\d+$/gm)?.length, 2);
  const seen = new Set<string>();
  for (let call = 0; call < 20; call += 1) seen.add(await get());
  assert.equal(seen.size, 2);
  const hosts = await readFile(join(daemon.run, 'hosts'), 'utf8');
  const own = /^(\S+)\tweb\.shop\.berth$/m.exec(hosts)?.[1] ?? '';
  assert.ok(
    (await (await fetch(`http://${own}:8000/`)).text()).length > 0,
    'the host by its own name for it',
  );
  assert.match(await daemon.ok('ps', '--filter', 'name=shop-web-2'), new RegExp(`:${port}->8000/tcp`));
  assert.equal((await daemon.ok('port', 'shop-web-1', '8000')).split('\n')[0], `0.0.0.0:${port}`);
  const again = await up(compose());
  assert.match(again, /nothing to do|up to date|is up/);
  assert.doesNotMatch(again, /set addresses/);
  await up(compose({ scale: 0 }));
  assert.ok((await inClient('nslookup', 'web')).includes(address), 'the same address without any replica');
  await assert.rejects(get());
  await up(compose());
  assert.ok((await inClient('nslookup', 'web')).includes(address));
  await get();
});

test('another port changes no container, and one in use changes nothing at all', async () => {
  const before = await daemon.ok('ps', '-q', '--filter', 'name=shop-web');
  await daemon.ok('run', '-d', '--name', 'thief', '-p', `${other}:1`, 'busybox', 'sleep', '1000');
  const { code, stderr, stdout } = await berth(compose({ published: String(other) }), 'up');
  assert.notEqual(code, 0);
  assert.match(stderr + stdout, /port is already allocated|address already in use/);
  await get();
  await daemon.ok('rm', '-f', 'thief');
  await up(compose({ published: String(other) }));
  assert.equal(
    await (await fetch(`http://127.0.0.1:${other}/`)).text().then((text) => text.length > 0),
    true,
  );
  await assert.rejects(get());
  await up(compose());
  await get();
  assert.equal(await daemon.ok('ps', '-q', '--filter', 'name=shop-web'), before);
});

test('a restart of the daemon drops no request, and down leaves nothing', async () => {
  let failed = 0;
  const end = new AbortController();
  const ended = end.signal;
  let done = 0;
  const load = (async () => {
    for (; !ended.aborted; done += 1) await get().catch(() => (failed += 1));
  })();
  await daemon.kill9();
  await daemon.start();
  end.abort();
  await load;
  assert.equal(failed, 0, `${failed} of ${done} failed`);
  assert.ok(done > 20);
  assert.equal(await answers('web:8000'), 2);
  const { code } = await berth(compose(), 'down');
  assert.equal(code, 0);
  await assert.rejects(get());
});
