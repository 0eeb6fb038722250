import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, services: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), `services:\n${services}`);
  return folder;
}

async function up(name: string, services: string): Promise<string> {
  const folder = await project(name, services);
  const { code, stderr, stdout } = await daemon.berth('up', folder);
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log}`);
  return folder;
}

/** Resolves with the attributes of the first event with this action of what `cause` led to. */
async function told(action: string, cause: () => Promise<unknown>): Promise<Record<string, string>> {
  const parse: (text: string) => { Action: string; Actor: { Attributes: Record<string, string> } } =
    JSON.parse;
  const stream = await daemon.open('GET', `/events?since=${(Date.now() / 1000).toFixed(3)}`);
  try {
    await cause();
    for await (const line of createInterface(stream)) {
      const event = parse(line);
      if (event.Action === action) return event.Actor.Attributes;
    }
  } finally {
    stream.destroy();
  }
  throw new Error('the events ended');
}

const served = "sh -c 'mkdir /www && echo up > /www/ok && exec httpd -f -p 80 -h /www'";
const often = 'period: 50ms, failure_threshold: 2, timeout: 500ms';
const status = (name: string): Promise<string> =>
  daemon.ok('ps', '--format', '{{.Status}}', '-f', `name=${name}`);

test('a readiness that fails takes the container out without touching it, and in again; liveness makes it anew', async () => {
  const folder = await up(
    'web',
    `  web:
    image: busybox
    command: ${served}
    stop_grace_period: 0s
    x-berth:
      probes:
        startup: { tcp: { port: 80 }, ${often} }
        readiness: { http: { port: 80, path: /ok }, ${often} }
        liveness: { exec: "! test -e /tmp/stuck", ${often} }
`,
  );
  assert.match(await status('web-web-1'), /\(healthy\)/);
  const started = await daemon.ok('inspect', '-f', '{{.State.StartedAt}}', 'web-web-1');
  await told('health_status: unhealthy', () => daemon.ok('exec', 'web-web-1', 'rm', '/www/ok'));
  assert.match(
    await daemon.ok('inspect', '-f', '{{(index .State.Health.Log 4).Output}}', 'web-web-1'),
    /^readiness: 404 Not Found/,
  );
  await told('health_status: healthy', () => daemon.ok('exec', 'web-web-1', 'touch', '/www/ok'));
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.StartedAt}}', 'web-web-1'), started);
  const healed = await told('heal', () => daemon.ok('exec', 'web-web-1', 'touch', '/tmp/stuck'));
  assert.equal(healed['service'], 'web');
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test('an app whose server never starts up fails with what the probe found', async () => {
  const folder = await project(
    'never',
    `  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    x-berth: { probes: { startup: { tcp: { port: 81 }, ${often} } } }
`,
  );
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /startup: .*ECONNREFUSED.*:81/);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test('probes go on after kill -9 of the daemon, from where they were', async () => {
  const folder = await up(
    'goon',
    `  web:
    image: busybox
    command: ${served}
    stop_grace_period: 0s
    x-berth: { probes: { readiness: { http: { port: 80, path: /ok }, ${often} } } }
`,
  );
  await daemon.kill9();
  await daemon.start();
  assert.match(await status('goon-web-1'), /\(healthy\)/);
  await told('health_status: unhealthy', () => daemon.ok('exec', 'goon-web-1', 'rm', '/www/ok'));
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
