import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

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

/** Another image with the same content under a name. */
async function makeImage(name: string, label: string): Promise<string> {
  const container = await daemon.ok('create', 'busybox');
  const id = await daemon.ok('commit', '--change', `LABEL made=${label}`, container, name);
  await daemon.ok('rm', container);
  return id;
}

const web = (more = ''): string =>
  `services:\n  web: { image: "web:1", command: sleep 1000, stop_grace_period: 0s${more} }\n`;

test('an image that a kept revision needs stays, whatever its name stands for now', async () => {
  const former = await makeImage('web:1', 'first');
  const folder = await project('kept', web());
  assert.match((await berth('up', folder)).stdout, /\(revision 1\)/);
  const newer = await makeImage('web:1', 'second');
  const { stdout, stderr } = await berth('up', folder);
  assert.match(stderr, /image digest changed/);
  assert.match(stdout, /\(revision 2\)/);
  assert.equal(await daemon.ok('inspect', '-f', '{{.Image}}', 'kept-web-1'), newer);

  await daemon.ok('image', 'prune', '--all', '--force');
  await daemon.loadBusybox();
  assert.equal(await daemon.ok('image', 'inspect', '-f', '{{.Id}}', former), former);
  const refused = await daemon.docker('rmi', former);
  assert.match(refused.stderr, /image is being used by revision 1 of the app kept/);
  await berth('down', folder);
  await daemon.ok('rmi', former);
});

test('no more revisions are kept than asked for, and a change of nothing makes none', async () => {
  const former = await makeImage('web:1', 'old');
  const short = (value: string): string =>
    `x-berth: { update: { history: 1 } }\n${web(`, environment: { A: ${value} }`)}`;
  const folder = await project('short', short('one'));
  await berth('up', folder);
  await daemon.ok('stop', 'short-web-1');
  assert.match((await berth('up', folder)).stdout, /\(revision 1\)/);
  await makeImage('web:1', 'new');
  await project('short', short('two'));
  assert.match((await berth('up', folder)).stdout, /\(revision 2\)/);
  await daemon.ok('rmi', former);
  await berth('down', folder);
});

test('a scale and what is kept of revisions survive a restart of the daemon', async () => {
  await makeImage('web:1', 'lasting');
  const folder = await project('lasting', web());
  await berth('up', folder);
  await berth('scale', 'lasting/web=2');
  await daemon.kill9();
  await daemon.start();
  const { stderr, stdout } = await berth('up', folder);
  assert.match(stderr, /web stays at 2 replicas/);
  assert.match(stdout, /nothing changed \(revision 1\)/);
  await project('lasting', web(', scale: 3'));
  const grown = await berth('up', folder);
  assert.match(grown.stderr, /web gets the 3 replicas that the file says now/);
  assert.match(grown.stdout, /lasting-web-3/);
  const unknown = await daemon.berth('scale', 'lasting/db=2');
  assert.match(unknown.stderr, /the app lasting has no service 'db': it has web/);
  await berth('down', folder);
});

const hooked = (value: string, hooks: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VALUE: "${value}" }
    volumes: [data:/data]
    x-berth: { update: { order: start-first } }
${hooks}volumes: { data: {} }
`;
const notes = `    post_start: [{ command: [sh, -c, "echo started $$VALUE >> /data/log"] }]
    pre_stop: [{ command: [sh, -c, "echo stops $$VALUE >> /data/log"] }]
`;

test('hooks run after the start and before the stop; one that fails ends the update, and the former serves on', async () => {
  const folder = await project('hooks', hooked('one', notes));
  await berth('up', folder);
  await project('hooks', hooked('two', notes));
  await berth('up', folder);
  const log = await daemon.ok('exec', 'hooks-web-1', 'cat', '/data/log');
  assert.deepEqual(log.split('\n'), ['started one', 'started two', 'stops one']);
  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'hooks-web-1');
  await project('hooks', hooked('three', '    post_start: [{ command: [sh, -c, "echo no; exit 4"] }]\n'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /post_start hook 'sh -c echo no; exit 4' of hooks-web-1-next ended with exit code 4: no/,
  );
  assert.equal(await daemon.ok('ps', '-aq', '--no-trunc', '--filter', 'name=hooks'), former);
  await berth('down', folder);
  const last = await daemon.ok(
    'run',
    '--rm',
    '-v',
    'hooks_data:/data',
    'busybox',
    'tail',
    '-n1',
    '/data/log',
  );
  assert.equal(last, 'stops two');
  await daemon.ok('volume', 'rm', 'hooks_data');
});

const failing = (value: string, action: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VALUE: "${value}" }
    healthcheck: { test: "test $$VALUE != bad", interval: 100ms, retries: 2 }
    deploy: { update_config: { failure_action: ${action} } }
`;

test('an update that pauses where it fails leaves the former replica serving and the new one to be looked at', async () => {
  const folder = await project('pauses', failing('good', 'pause'));
  await berth('up', folder);
  await project('pauses', failing('bad', 'pause'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /the update is paused where it failed/);
  const names = await daemon.ok('ps', '--filter', 'name=pauses', '--format', '{{.Names}}');
  assert.deepEqual(names.split('\n').sort(), ['pauses-web-1', 'pauses-web-1-next']);
  await project('pauses', failing('better', 'pause'));
  await berth('up', folder);
  assert.equal(await daemon.ok('exec', 'pauses-web-1', 'sh', '-c', 'echo $VALUE'), 'better');
  assert.equal(
    await daemon.ok('ps', '-a', '--filter', 'name=pauses', '--format', '{{.Names}}'),
    'pauses-web-1',
  );
  await berth('down', folder);
});

test('what forbids two replicas at once is said in the plan', async () => {
  const folder = await project(
    'first',
    hooked('one', '').replace('    x-berth: { update: { order: start-first } }\n', ''),
  );
  await berth('up', folder);
  await project('first', hooked('two', '').replace('    x-berth: { update: { order: start-first } }\n', ''));
  const { stdout } = await berth('plan', folder);
  assert.match(
    stdout,
    /replace first-web-1 +\(environment VALUE changed; stops first: two would write to the volume data at once/,
  );
  await berth('up', folder);
  await berth('down', '-v', folder);
});
