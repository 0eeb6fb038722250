import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const program = new URL('../../../src/main/berth.ts', import.meta.url).pathname;
const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, compose: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), compose);
  return folder;
}

const everything = async (): Promise<string> =>
  [
    await daemon.ok('ps', '-a', '--format', '{{.Names}}'),
    await daemon.ok('network', 'ls', '--format', '{{.Name}}'),
    await daemon.ok('volume', 'ls', '--format', '{{.Name}}'),
  ].join('\n');

test('a bad file is refused with every error at its place, and nothing is made', async () => {
  const before = await everything();
  const folder = await project('bad', 'services:\n  web:\n    imagee: busybox\n    ports: "80"\n');
  const { code, stderr, stdout } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /compose\.yaml:3:5: services\.web\.imagee: the key 'imagee' is unknown/);
  assert.match(stderr, / {4} {4}imagee: busybox\n {4} {4}\^\n {4}did you mean 'image'\?/);
  assert.match(stderr, /compose\.yaml:4:12: services\.web\.ports: found the text '80', required is a list/);
  assert.equal(await everything(), before);
});

test('a circle of dependencies is named', async () => {
  const folder = await project(
    'circle',
    'services:\n  a: { image: busybox, depends_on: [b] }\n  b: { image: busybox, depends_on: [a] }\n',
  );
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /compose\.yaml:2:\d+: services\.a\.depends_on: .*a -> b -> a/);
});

test('a key that is not honoured is told with its line; with --strict it is an error', async () => {
  const folder = await project(
    'keys',
    'services:\n  web:\n    image: busybox\n    command: sleep 1000\n    stop_grace_period: 0s\n    attach: false\n',
  );
  const strict = await daemon.berth('up', '--strict', folder);
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /compose\.yaml:6:5: services\.web\.attach: not honoured/);
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /warning: compose\.yaml:6:5: services\.web\.attach: not honoured: output is read with berth logs/,
  );
  await daemon.berth('down', folder);
});

test('a port that is taken leaves nothing half-created', async () => {
  const before = await everything();
  const holder = createServer().listen(0, '0.0.0.0');
  await once(holder, 'listening');
  const address = holder.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    const folder = await project(
      'port',
      `services:
  first: { image: busybox, command: sleep 1000, stop_grace_period: 0s, volumes: ["d:/d"] }
  web: { image: busybox, command: sleep 1000, ports: ["${address.port}:80"], depends_on: [first] }
volumes: { d: }
`,
    );
    const { code, stderr } = await daemon.berth('up', folder);
    assert.equal(code, 1);
    assert.match(stderr, /address already in use/);
    assert.equal(await everything(), before);
  } finally {
    holder.close();
  }
});

/** Waits until an event, past or to come, has all these words in it. */
async function happened(...words: string[]): Promise<void> {
  const events = await daemon.open('GET', '/events?since=1');
  try {
    for await (const line of createInterface(events)) if (words.every((word) => line.includes(word))) return;
  } finally {
    events.destroy();
  }
}

const probed = (check: string): string => `services:
  web:
    image: busybox
    command: sh -c "echo it runs; exec sleep 1000"
    stop_grace_period: 0s
    healthcheck:
      test: ${check}
      interval: 200ms
      retries: 2
`;

test('a first start that never gets healthy shows probe and log, and stays for inspection', async () => {
  const folder = await project('sick', probed('echo probe says no; exit 3'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /exit code 3, output:\n +probe says no/);
  assert.match(stderr, /last lines of its log:\n +it runs/);
  assert.match(stderr, /is not well: its health check fails/);
  assert.match((await daemon.berth('ps', folder)).stdout, /sick +web +1\/1 +unhealthy/);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});

test('an update that never gets healthy puts the former containers back', async () => {
  const folder = await project('update', probed('"true"'));
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'update-web-1');
  await project('update', probed('exit 1'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /create update-web-1-next: undone/);
  assert.equal(
    await daemon.ok('inspect', '-f', '{{.Id}} {{.State.Status}}', 'update-web-1'),
    `${former} running`,
  );
  assert.equal(await daemon.ok('ps', '-aq', '--filter', 'name=update'), former.slice(0, 12));
  await project('update', probed('"true"'));
  // It was started again just now, so it may have to be waited for; nothing else is to be done.
  assert.match((await daemon.berth('up', folder)).stdout, /nothing changed \(revision 1\)/);
  await daemon.berth('down', folder);
});

test('an update that must stop the former container first takes each step back once', async () => {
  const policy = '    deploy:\n      update_config: { order: stop-first }\n';
  const folder = await project('turns', probed('"true"') + policy);
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'turns-web-1');
  await project('turns', probed('exit 1') + policy);
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.equal(stderr.match(/replace turns-web-1: undone/g)?.length, 1);
  assert.equal(
    await daemon.ok(
      'ps',
      '-a',
      '--no-trunc',
      '--filter',
      'name=turns',
      '--format',
      '{{.ID}} {{.Names}} {{.State}}',
    ),
    `${former} turns-web-1 running`,
  );
  await daemon.berth('down', folder);
});

test('a second up of the same app at once is refused', async () => {
  const folder = await project('busy', probed('test -e /tmp/ready').replace('retries: 2', 'retries: 1000'));
  const first = daemon.berth('up', folder);
  // The first one waits for health once its container runs.
  await happened('"start"', 'busy-web-1');
  const second = await daemon.berth('up', folder);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /cannot run up on the app busy: another up is changing it now/);
  await daemon.ok('exec', 'busy-web-1', 'touch', '/tmp/ready');
  assert.equal((await first).code, 0);
  await daemon.berth('down', folder);
});

test('Ctrl-C takes back what was begun', async () => {
  const before = await everything();
  const folder = await project('stop', probed('test -e /tmp/ready').replace('retries: 2', 'retries: 1000'));
  const client = spawn(process.execPath, [program, 'up', folder], {
    env: { ...process.env, ...daemon.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = createInterface(client.stderr);
  const lines: string[] = [];
  said.on('line', (line) => lines.push(line));
  const closed = once(client, 'close');
  await happened('"start"', 'stop-web-1');
  client.kill('SIGINT');
  await closed;
  assert.equal(client.exitCode, 1);
  assert.match(lines.join('\n'), /interrupted: the daemon takes back what this command had begun/);
  await happened('"destroy"', 'stop_default');
  assert.equal(await everything(), before);
});

test('Ctrl-C in the middle of a down leaves it to the daemon, which takes the app down to its end', async () => {
  const before = await everything();
  const folder = await project(
    'leave',
    'services:\n  web:\n    image: busybox\n    command: sleep 1000\n    stop_grace_period: 2s\n',
  );
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const client = spawn(process.execPath, [program, 'down', folder], {
    env: { ...process.env, ...daemon.environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(client, 'close');
  let said = '';
  client.stderr.on('data', (chunk) => (said += String(chunk)));
  await happened('"kill"', 'leave-web-1');
  client.kill('SIGINT');
  await closed;
  assert.equal(client.exitCode, 1);
  assert.match(said, /interrupted: the daemon goes on and takes 'leave' down/);
  await happened('"destroy"', 'leave_default');
  assert.equal(await everything(), before);
});

test('kill -9 of the daemon in the middle of an up is repaired by running it again', async () => {
  const folder = await project('crash', probed('test -e /tmp/ready').replace('retries: 2', 'retries: 1000'));
  const first = daemon.berth('up', folder);
  await happened('"start"', 'crash-web-1');
  await daemon.kill9();
  const broken = await first;
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /the daemon ended in the middle of the change/);
  await daemon.start();
  await daemon.ok('exec', 'crash-web-1', 'touch', '/tmp/ready');
  const { code, stdout, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /crash-web-1 +healthy/);
  assert.equal((await daemon.berth('down', folder)).code, 0);
});
