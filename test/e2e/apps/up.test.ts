import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  return folder;
}

async function berth(...words: Parameters<TestDaemon['berth']>): Promise<RunResult> {
  const result = await daemon.berth(...words);
  const shown = words.filter((word) => typeof word === 'string').join(' ');
  assert.equal(
    result.code,
    0,
    `berth ${shown}\n${result.stderr}${result.stdout}\ndaemon's log:\n${daemon.log}`,
  );
  return result;
}

const idsOf = async (app: string): Promise<Record<string, string>> => {
  const filter = `label=com.docker.compose.project=${app}`;
  const text = await daemon.ok(
    'ps',
    '-a',
    '--no-trunc',
    '--filter',
    filter,
    '--format',
    '{{.Names}} {{.ID}}',
  );
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', id = ''] = line.split(' ');
      return [name, id] as const;
    }),
  );
};

/** The first line that a container writes, as soon as it is there: Docker's frames have a header of 8 bytes. */
async function firstLine(container: string): Promise<string> {
  let text = '';
  for await (const chunk of await daemon.open('GET', `/containers/${container}/logs?follow=1&stdout=1`)) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.slice(8, text.indexOf('\n'));
}

const shop = (greeting: string): Record<string, string> => ({
  'compose.yaml': `
name: shop
services:
  web:
    build: ./web
    stop_grace_period: 0s
    command: sh -c "echo $$GREETING to $$(cat /built) from $$(wget -qO- http://store:8000/) && exec sleep 1000"
    environment: { GREETING: "${greeting}" }
    depends_on:
      db: { condition: service_healthy }
      job: { condition: service_completed_successfully }
    volumes: ["data:/data"]
  db:
    image: busybox
    stop_grace_period: 0s
    command: sh -c "echo stored > /tmp/index.html && exec httpd -f -p 8000 -h /tmp"
    networks: { default: { aliases: [store] } }
    healthcheck:
      test: wget -qO- http://127.0.0.1:8000/
      interval: 1s
      start_interval: 100ms
      start_period: 10s
  job:
    image: busybox
    command: ["true"]
  talker:
    image: busybox
    stop_grace_period: 0s
    command: sh -c "echo first; until test -e /tmp/go; do sleep 0.05; done; echo second; exec sleep 1000"
volumes: { data: }
`,
  'web/Dockerfile': 'FROM busybox\nRUN echo an image > /built\n',
});

test('the services come up in order; again changes nothing; a change replaces one; down leaves nothing', async (t) => {
  const folder = await project('shop', shop('hello'));

  await t.test('up builds, waits for health and completion, and says where it is', async () => {
    const { stdout, stderr } = await berth('up', folder);
    assert.match(stderr, /build image|build shop-web/);
    assert.match(stderr, /wait until db is healthy: done/);
    assert.match(stderr, /wait until job has completed: done/);
    assert.match(stdout, /App shop is up \(revision 1\)/);
    assert.match(stdout, /shop-db-1 +healthy/);
    assert.equal(await firstLine('shop-web-1'), 'hello to an image from stored');
    assert.match(await daemon.ok('volume', 'ls', '--format', '{{.Name}}'), /^shop_data$/m);
  });
  const before = await idsOf('shop');
  assert.deepEqual(Object.keys(before).sort(), ['shop-db-1', 'shop-job-1', 'shop-talker-1', 'shop-web-1']);

  await t.test('a second up does nothing and says so', async () => {
    const { stdout, stderr } = await berth('up', folder);
    assert.match(stderr, /App shop: nothing to do/);
    assert.match(stdout, /nothing changed \(revision 1\)/);
    assert.deepEqual(await idsOf('shop'), before);
  });

  await t.test('ps and logs find it from its folder, and by name from elsewhere', async () => {
    const here = await berth('ps', { cwd: folder });
    assert.match(here.stdout, /shop +db +1\/1 +healthy/);
    assert.match(here.stdout, /shop +job +0\/1 +exited \(0\)/);
    const web = await berth('logs', 'web', { cwd: folder });
    assert.equal(web.stdout, 'hello to an image from stored\n');
    // Such as examples/guestbook: a folder that reads like APP/SERVICE.
    const above = dirname(folder);
    const byFolder = await berth('logs', `${basename(above)}/${basename(folder)}`, { cwd: dirname(above) });
    assert.match(byFolder.stdout, /^web-1 +\| hello to an image/m, byFolder.stderr);
    const far = await berth('logs', 'shop/web', '--json', { cwd: '/' });
    assert.match(far.stdout, /^\{"service":"web","replica":1,.*"line":"hello to an image from stored"\}\n$/);
  });

  await t.test('logs -f goes on with new lines until Ctrl-C', async () => {
    const client = spawn(process.execPath, [program, 'logs', '-f', 'shop/talker'], {
      env: { ...process.env, ...daemon.environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(client, 'close');
    let text = '';
    for await (const chunk of client.stdout) {
      text += String(chunk);
      if (text === 'first\n') await daemon.ok('exec', 'shop-talker-1', 'touch', '/tmp/go');
      if (text.endsWith('second\n')) break;
    }
    client.kill('SIGINT');
    await closed;
    assert.equal(text, 'first\nsecond\n');
    assert.equal(client.exitCode, 0);
  });

  await t.test('a changed variable replaces that service only, and the plan names it', async () => {
    await writeFile(join(folder, 'compose.yaml'), shop('bye')['compose.yaml'] ?? '');
    const planned = await berth('plan', folder);
    assert.match(
      planned.stdout,
      /replace shop-web-1 +\(environment GREETING changed; stops first: two would write/,
    );
    assert.doesNotMatch(planned.stdout, /shop-db-1/);
    const { stdout } = await berth('up', folder);
    assert.match(stdout, /revision 2/);
    const after = await idsOf('shop');
    assert.deepEqual(Object.keys(after).sort(), Object.keys(before).sort());
    assert.equal(after['shop-db-1'], before['shop-db-1']);
    assert.notEqual(after['shop-web-1'], before['shop-web-1']);
    assert.equal(await firstLine('shop-web-1'), 'bye to an image from stored');
  });

  await t.test('a changed build context builds anew and replaces what is made of it', async () => {
    await writeFile(join(folder, 'web', 'Dockerfile'), 'FROM busybox\nRUN echo another image > /built\n');
    const { stderr } = await berth('up', folder);
    assert.match(stderr, /build shop-web +\(build context changed\)/);
    assert.match(stderr, /replace shop-web-1 +\(image digest changed; stops first/);
    assert.equal(await firstLine('shop-web-1'), 'bye to another image from stored');
  });

  await t.test('a service that left the file is removed', async () => {
    const text = (shop('bye')['compose.yaml'] ?? '')
      .replace(/ {2}job:\n {4}image: busybox\n {4}command: \["true"\]\n/, '')
      .replace(/ +job: .*\n/, '');
    await writeFile(join(folder, 'compose.yaml'), text);
    const { stderr } = await berth('up', folder);
    assert.match(stderr, /remove shop-job-1 +\(the service is no longer in the file\)/);
    assert.deepEqual(Object.keys(await idsOf('shop')).sort(), ['shop-db-1', 'shop-talker-1', 'shop-web-1']);
  });

  await t.test('down leaves the volume, and with -v nothing', async () => {
    const { stdout } = await berth('down', { cwd: folder });
    assert.match(stdout, /App shop is down/);
    assert.deepEqual(await idsOf('shop'), {});
    assert.doesNotMatch(await daemon.ok('network', 'ls', '--format', '{{.Name}}'), /shop/);
    assert.match(await daemon.ok('volume', 'ls', '--format', '{{.Name}}'), /^shop_data$/m);
    await berth('up', folder);
    await berth('down', '-v', 'shop');
    assert.doesNotMatch(await daemon.ok('volume', 'ls', '--format', '{{.Name}}'), /shop/);
    const gone = await daemon.berth('down', 'shop');
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /there is no app/);
  });
});
