import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const service = 'image: busybox\n    command: sleep 600\n    stop_grace_period: 0s';

async function project(name: string, more = ''): Promise<string> {
  const folder = join(daemon.folder, name);
  await mkdir(folder, { recursive: true });
  const compose = `services:\n  web:\n    ${service}\n    volumes: [data:/data, /anonymous]${more}\nvolumes:\n  data: {}\n`;
  await writeFile(join(folder, 'compose.yaml'), compose);
  return folder;
}

/** Names of containers, networks and volumes of an app. */
async function left(app: string): Promise<string[]> {
  const lists = [
    await daemon.ok('ps', '-a', '--format', '{{.Names}}'),
    await daemon.ok('network', 'ls', '--format', '{{.Name}}'),
    await daemon.ok('volume', 'ls', '-q'),
  ];
  return lists
    .flatMap((text) => text.split('\n'))
    .filter((name) => name.startsWith(app) || /^[0-9a-f]{64}$/.test(name));
}

test('an app whose first up was killed can be taken down, also without a container', async () => {
  const folder = await project('killed', '\n    healthcheck: { test: [CMD, "false"], interval: 1h }');
  const up = spawn(process.execPath, [program, 'up', folder], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...daemon.environment },
  });
  const ended = once(up, 'close');
  while (!(await daemon.ok('ps', '--format', '{{.Names}}')).includes('killed-web-1'));
  await daemon.kill9();
  assert.deepEqual(await ended, [1, null]);
  await daemon.start();
  await daemon.ok('rm', '-f', 'killed-web-1');
  const [network, ...volumes] = await left('killed');
  assert.deepEqual([network, volumes.length], ['killed_default', 2]);
  const down = await daemon.berth('down', '--volumes', folder);
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(await left('killed'), []);
});

test('what a down was killed in is not brought back: the next start ends it', async (t) => {
  const folder = await project(
    'leaving',
    '\n    restart: always\n  slow:\n    image: busybox\n    command: sleep 600\n    stop_grace_period: 2s',
  );
  // The second service ignores SIGTERM: the first is gone while the down waits for it.
  const up = await daemon.berth('up', folder);
  assert.equal(up.code, 0, up.stderr);
  const down = spawn(process.execPath, [program, 'down', '--volumes', folder], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...daemon.environment },
  });
  const ended = once(down, 'close');
  const state = (): Promise<string> => daemon.ok('inspect', '-f', '{{.State.Status}}', 'leaving-web-1');
  while ((await state()) !== 'exited');
  await daemon.kill9();
  await ended;
  await daemon.start();
  const events = await daemon.open('GET', '/events?since=1');
  t.after(() => events.destroy());
  for await (const chunk of events) if (String(chunk).includes('"down"')) break;
  assert.deepEqual(await left('leaving'), []);
  assert.equal((await daemon.berth('ps', 'leaving')).code, 1);
});

test('an app whose down was killed is there again after an up', async () => {
  const folder = await project(
    'returning',
    '\n  slow:\n    image: busybox\n    command: sleep 600\n    stop_grace_period: 2s',
  );
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const down = spawn(process.execPath, [program, 'down', folder], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...daemon.environment },
  });
  const ended = once(down, 'close');
  while ((await daemon.ok('inspect', '-f', '{{.State.Status}}', 'returning-web-1')) !== 'exited');
  await daemon.kill9();
  await ended;
  await daemon.start();
  // The command of a person stops what the daemon was about to end.
  const up = await daemon.berth('up', folder);
  assert.equal(up.code, 0, up.stderr);
  await daemon.kill9();
  await daemon.start();
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Status}}', 'returning-web-1'), 'running');
  assert.equal((await daemon.berth('down', '--volumes', folder)).code, 0);
});

test('a first up that failed leaves no app behind', async () => {
  const folder = await project('failed', '\n  other:\n    image: nosuch.invalid/image');
  assert.equal((await daemon.berth('up', folder)).code, 1);
  assert.deepEqual(await left('failed'), []);
  assert.equal((await daemon.berth('ps', 'failed')).code, 1);
});

test('a change goes on to its end when nobody reads its output', async (t) => {
  const folder = await project('unread');
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  for (const [output, code] of [
    ['pipe', 0],
    [full.fd, 1],
  ] as const) {
    assert.equal((await daemon.berth('up', folder)).code, 0);
    const down = spawn(process.execPath, [program, 'down', '--volumes', folder], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...daemon.environment },
    });
    down.stdout?.destroy();
    down.stderr?.destroy();
    assert.deepEqual(await once(down, 'exit'), [code, null], String(output));
    assert.deepEqual(await left('unread'), [], String(output));
  }
});

test('following logs ends when the reader has seen enough', async () => {
  const folder = join(daemon.folder, 'reader');
  await mkdir(folder);
  const command = 'sh -c "while :; do echo line; sleep 0.05; done"';
  await writeFile(
    join(folder, 'compose.yaml'),
    `services:\n  web: { image: busybox, command: '${command}', stop_grace_period: 0s }\n`,
  );
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const logs = spawn(process.execPath, [program, 'logs', '-f', 'reader'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...daemon.environment },
  });
  await once(logs.stdout, 'data');
  logs.stdout.destroy();
  let complaints = '';
  logs.stderr.on('data', (chunk) => (complaints += String(chunk)));
  assert.deepEqual(await once(logs, 'close'), [0, null]);
  assert.equal(complaints, '');
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test(
  'who leaves while the former containers are being taken away leaves the new ones',
  { timeout: 60_000 },
  async (t) => {
    const compose = (value: string): string =>
      `services:\n  web:\n    ${service}\n    environment: [VALUE=${value}]\n    deploy: { replicas: 20, update_config: { parallelism: 0 } }\n    x-berth: { update: { settle: 0s } }\n`;
    const folder = await project('late');
    await writeFile(join(folder, 'compose.yaml'), compose('old'));
    const first = await daemon.berth('up', folder);
    assert.equal(first.code, 0, first.stderr);
    await writeFile(join(folder, 'compose.yaml'), compose('new'));
    const events = await daemon.open('GET', `/events?since=${Date.now() / 1000}`);
    t.after(() => events.destroy());
    const up = spawn(process.execPath, [program, 'up', folder], {
      stdio: ['ignore', 'ignore', 'ignore'],
      env: { ...process.env, ...daemon.environment },
    });
    for await (const chunk of events) {
      if (String(chunk).includes('"destroy"')) up.kill('SIGINT');
      if (/"Type":"app","Action":"up"/.test(String(chunk))) break;
    }
    const again = await daemon.berth('up', '--json', folder);
    assert.equal(again.code, 0, again.stderr + again.stdout);
    assert.doesNotMatch(again.stdout, /create-container/);
    assert.equal((await daemon.ok('ps', '-aq', '--filter', 'name=late')).split('\n').length, 20);
    assert.match((await daemon.berth('history', 'late')).stdout, /^2 +in force/m);
    await daemon.berth('down', folder);
  },
);
