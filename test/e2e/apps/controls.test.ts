import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function project(name: string, compose: string): Promise<string> {
  const folder = join(daemon.folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), compose);
  return folder;
}

async function berth(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...args);
  assert.equal(code, 0, `berth ${args.join(' ')}: ${stderr}${stdout}\n${daemon.log}`);
  return stdout;
}

const inspect = (format: string, ...names: string[]): Promise<string> =>
  daemon.ok('inspect', '-f', format, ...names);

interface Event {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** The events of the daemon since `since`, until one is as wanted. */
async function eventsUntil(since: number, isLast: (event: Event) => boolean): Promise<Event[]> {
  const stream = await daemon.open('GET', `/events?since=${(since / 1000).toFixed(3)}`);
  const parse: (text: string) => Event = JSON.parse;
  const seen: Event[] = [];
  try {
    for await (const line of createInterface(stream)) {
      seen.push(parse(line));
      if (seen.slice(-1).some(isLast)) return seen;
    }
  } finally {
    stream.destroy();
  }
  throw new Error('the events ended');
}

function forgetStop(app: string): void {
  const store = new SqliteStateStore(join(daemon.root, 'state.db'));
  const apps = store.collection<{ stopped?: string[] }>('apps');
  const { stopped, ...record } = apps.get(app) ?? {};
  assert.deepEqual(stopped, ['web']);
  apps.put(app, record);
  store.close();
}

const service =
  '{ image: busybox, command: sleep 1000, stop_grace_period: 0s, x-berth: { update: { settle: 0s } } }';

test('a restart makes the containers of one service anew, beside the former ones', async () => {
  const folder = await project('again', `services:\n  web: ${service}\n  other: ${service}\n`);
  await berth('up', folder);
  const before = (await inspect('{{.Id}}', 'again-web-1', 'again-other-1')).split('\n');
  const since = Date.now();
  await berth('restart', 'again/web');
  const [web, other] = (await inspect('{{.Id}}', 'again-web-1', 'again-other-1')).split('\n');
  assert.notEqual(web, before[0]);
  assert.equal(other, before[1]);
  const events = await eventsUntil(since, ({ Action }) => Action === 'up');
  const order = events
    .filter((one) => ['start', 'die'].includes(one.Action))
    .map((one) => [one.Action, one.Actor.ID]);
  assert.deepEqual(order, [
    ['start', web],
    ['die', before[0]],
  ]);
  await berth('down', folder);
});

test('what was stopped stays so over a restart of the daemon and a scale of others, until it is started', async () => {
  const text = `services:\n  web: ${service}\n  other: ${service}\n  third: ${service}\n`;
  const folder = await project('halted', text);
  await berth('up', folder);
  await berth('stop', 'halted/web', 'halted/third');
  const states = (): Promise<string> =>
    inspect('{{.State.Status}}', 'halted-web-1', 'halted-other-1', 'halted-third-1');
  assert.equal(await states(), 'exited\nrunning\nexited');
  await daemon.kill9();
  await daemon.start();
  await berth('scale', 'halted/other=2');
  const { stdout } = await daemon.berth('ps', 'halted');
  assert.match(stdout, /halted +web +0\/1 +stopped: exited \(\d+\)/);
  assert.match(stdout, /halted +other +2\/2 +running/);
  assert.equal(await states(), 'exited\nrunning\nexited');
  await berth('start', 'halted/web');
  assert.equal(await states(), 'running\nrunning\nexited');
  await berth('up', folder);
  assert.equal(await states(), 'running\nrunning\nrunning');
  await berth('stop', 'halted');
  assert.equal(await states(), 'exited\nexited\nexited');
  await berth('restart', 'halted');
  assert.equal(await states(), 'running\nrunning\nrunning');
  const wrong = await daemon.berth('stop', 'halted/web', 'nosuch/web');
  assert.equal(wrong.code, 1);
  await berth('down', folder);
});

test('a restart closes the breaker of a crash loop', async () => {
  const folder = await project(
    'loop',
    'services:\n  web:\n    image: busybox\n    command: sh -c "sleep 0.5; test -e /data/well || exit 3; sleep 1000"\n    stop_grace_period: 0s\n    volumes: [data:/data]\n    deploy: { restart_policy: { delay: 0s, max_attempts: 1 } }\nvolumes: { data: {} }\n',
  );
  const since = Date.now();
  await berth('up', folder);
  await eventsUntil(since, ({ Action }) => Action === 'crash-loop');
  await daemon.ok('run', '--rm', '-v', 'loop_data:/data', 'busybox', 'touch', '/data/well');
  assert.match(await berth('ps', '--json', 'loop'), /"crashLoops"/);
  await berth('restart', 'loop');
  assert.doesNotMatch(await berth('ps', '--json', 'loop'), /"crashLoops"/);
  assert.equal(await inspect('{{.State.Status}}', 'loop-web-1'), 'running');
  await berth('down', '--volumes', folder);
});

test('healing makes networks and volumes again that someone removed', async () => {
  const text = `services:\n  web: { image: busybox, command: sleep 1000, stop_grace_period: 0s, volumes: [data:/data] }\nvolumes: { data: {} }\n`;
  const folder = await project('ground', text);
  await berth('up', folder);
  await berth('stop', 'ground');
  await daemon.ok('rm', 'ground-web-1');
  await daemon.ok('network', 'rm', 'ground_default');
  await daemon.ok('volume', 'rm', 'ground_data');
  const since = Date.now();
  // As when the state comes from a backup: the app is wanted, and nothing of it is there.
  await daemon.kill9();
  forgetStop('ground');
  await daemon.start();
  await eventsUntil(
    since,
    ({ Action, Actor }) => Action === 'heal' && Actor.Attributes['action'] === 'create',
  );
  assert.equal(await inspect('{{.State.Status}}', 'ground-web-1'), 'running');
  await daemon.ok('network', 'inspect', 'ground_default');
  await daemon.ok('volume', 'inspect', 'ground_data');
  await daemon.ok('exec', 'ground-web-1', 'nslookup', 'web');
  await berth('down', '--volumes', folder);
});
