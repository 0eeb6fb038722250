import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, compose: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), compose);
  return folder;
}

async function up(folder: string): Promise<{ stdout: string; stderr: string }> {
  const result = await daemon.berth('up', folder);
  assert.equal(result.code, 0, `${result.stderr}${result.stdout}\n${daemon.log}`);
  return result;
}

const fixed = (value: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VALUE: "${value}" }
    ports: ["80"]
    volumes: [/kept]
    networks: { back: { ipv4_address: 10.211.7.9, aliases: [other] } }
  side:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    network_mode: service:web
  follower:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    depends_on: { web: { condition: service_started, restart: true } }
networks: { back: { ipam: { config: [{ subnet: 10.211.7.0/24 }] } } }
`;

test('a replaced container keeps its address and its unnamed data; who shares or follows it comes along', async () => {
  const folder = await project('fixed', fixed('one'));
  await up(folder);
  const started = (name: string): Promise<string> =>
    daemon.ok('inspect', '-f', '{{.Id}} {{.State.StartedAt}}', name);
  const [side, follower] = [await started('fixed-side-1'), await started('fixed-follower-1')];
  await daemon.ok('exec', 'fixed-web-1', 'touch', '/kept/data');
  await project('fixed', fixed('two'));
  const { stderr } = await up(folder);
  assert.match(stderr, /replace fixed-side-1 +\(it shares a namespace of web, which is replaced/);
  assert.match(stderr, /restart fixed-follower-1 +\(web is replaced\)/);
  assert.equal(await daemon.ok('exec', 'fixed-web-1', 'ls', '/kept'), 'data');
  assert.match(await daemon.ok('exec', 'fixed-side-1', 'ip', 'addr'), /inet 10\.211\.7\.9\/24/);
  assert.equal(await daemon.ok('exec', 'fixed-web-1', 'sh', '-c', 'echo $VALUE'), 'two');
  assert.notEqual((await started('fixed-side-1')).split(' ')[0], side.split(' ')[0]);
  const [id, time] = (await started('fixed-follower-1')).split(' ');
  assert.equal(id, follower.split(' ')[0]);
  assert.notEqual(time, follower.split(' ')[1]);
  assert.equal((await daemon.berth('down', '-v', folder)).code, 0);
  assert.equal(await daemon.ok('volume', 'ls', '-q'), '');
});

const probed = (value: string, check: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VALUE: "${value}" }
    healthcheck: { test: "${check}", interval: 100ms, retries: 1000 }
`;

test('kill -9 of the daemon while a container is replaced leaves one container after the next up', async () => {
  const folder = await project('torn', probed('one', 'true'));
  await up(folder);
  await project('torn', probed('two', 'test -e /tmp/ready'));
  const broken = daemon.berth('up', folder);
  const events = await daemon.open('GET', '/events?since=1');
  try {
    let starts = 0;
    for await (const line of createInterface(events)) {
      if (line.includes('"start"') && line.includes('torn-web-1')) starts += 1;
      if (starts === 2) break;
    }
  } finally {
    events.destroy();
  }
  await daemon.kill9();
  assert.equal((await broken).code, 1);
  await daemon.start();
  assert.equal(
    (await daemon.ok('ps', '-aq', '--filter', 'label=com.docker.compose.project=torn')).split('\n').length,
    2,
  );
  // The former one answers until the new one is ready.
  assert.equal(await daemon.ok('exec', 'torn-web-1', 'sh', '-c', 'echo $VALUE'), 'one');
  await daemon.ok('exec', 'torn-web-1-next', 'touch', '/tmp/ready');
  const { stderr } = await up(folder);
  assert.match(stderr, /send requests to torn-web-1-next +\(ready\)/);
  assert.equal(await daemon.ok('ps', '-a', '--filter', 'name=torn', '--format', '{{.Names}}'), 'torn-web-1');
  assert.equal(await daemon.ok('exec', 'torn-web-1', 'sh', '-c', 'echo $VALUE'), 'two');
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
