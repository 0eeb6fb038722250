import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

async function up(name: string, services: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), `services:\n${services}`);
  const { code, stderr, stdout } = await daemon.berth('up', folder);
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log}`);
  return folder;
}

async function down(folder: string): Promise<void> {
  const { code, stderr } = await daemon.berth('down', folder);
  assert.equal(code, 0, `${stderr}\n${daemon.log}`);
}

interface Event {
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

/** What `cause` led to: the first event that `isWanted` takes, of those since the call. */
async function eventAfter(
  cause: () => Promise<unknown>,
  isWanted: (event: Event) => boolean,
): Promise<Event> {
  const since = (Date.now() / 1000).toFixed(3);
  const stream = await daemon.open('GET', `/events?since=${since}`);
  const parse: (text: string) => Event = JSON.parse;
  try {
    await cause();
    for await (const line of createInterface(stream)) {
      const event = parse(line);
      if (isWanted(event)) return event;
    }
  } finally {
    stream.destroy();
  }
  throw new Error('the events ended');
}

const starts =
  (name: string) =>
  ({ Action, Actor }: Event): boolean =>
    Action === 'start' && Actor.Attributes['name'] === name;
const inspect = (format: string, name: string): Promise<string> => daemon.ok('inspect', '-f', format, name);

async function killMain(name: string): Promise<void> {
  process.kill(Number(await inspect('{{.State.Pid}}', name)), 'SIGKILL');
}

test('a replica that dies or is removed is back within a second; one that a person stopped stays stopped', async () => {
  const folder = await up(
    'mortal',
    '  web: { image: busybox, command: sleep 1000, stop_grace_period: 0s }\n',
  );
  const pid = Number(await inspect('{{.State.Pid}}', 'mortal-web-1'));
  let begin = 0;
  await eventAfter(() => {
    begin = performance.now();
    process.kill(pid, 'SIGKILL');
    return Promise.resolve();
  }, starts('mortal-web-1'));
  const took = performance.now() - begin;
  assert.ok(took < 1000, `${took} ms`);
  await eventAfter(() => daemon.ok('rm', '-f', 'mortal-web-1'), starts('mortal-web-1'));
  await daemon.ok('stop', 'mortal-web-1');
  await daemon.kill9();
  await daemon.start();
  const heal = eventAfter(
    () => daemon.ok('rm', 'mortal-web-1'),
    ({ Action, Actor }) => Action === 'heal' && Actor.ID === 'mortal',
  );
  // Had the stopped one been started meanwhile, `rm` would have failed.
  assert.equal((await heal).Actor.Attributes['action'], 'create');
  await down(folder);
});

test('an unhealthy container is made anew, and so is one whose health check hangs', async () => {
  const check = (test: string): string =>
    `{ image: busybox, command: sleep 1000, stop_grace_period: 0s, healthcheck: { test: "${test}", interval: 50ms, timeout: 300ms, retries: 2 } }`;
  const folder = await up(
    'sick',
    `  web: ${check('! test -e /tmp/sick')}\n  hung: ${check('while test -e /tmp/sick; do sleep 1; done')}\n`,
  );
  for (const name of ['sick-web-1', 'sick-hung-1']) {
    const before = await inspect('{{.Id}}', name);
    const event = await eventAfter(
      () => daemon.ok('exec', name, 'touch', '/tmp/sick'),
      ({ Action, Actor }) => Action === 'heal' && name.includes(Actor.Attributes['service'] ?? '?'),
    );
    assert.equal(event.Actor.Attributes['action'], 'replace');
    assert.notEqual(await inspect('{{.Id}}', name), before);
    assert.equal(await inspect('{{.State.Health.Status}}', name), 'healthy');
  }
  assert.equal(await daemon.ok('ps', '-aq').then((ids) => ids.split('\n').length), 2);
  await down(folder);
});

test('a run as long as the window counts as well: who fails now and then is started again and again', async () => {
  const failing = (name: string, window: string): string => `  ${name}:
    image: busybox
    command: sh -c 'sleep 0.6; exit 3'
    stop_grace_period: 0s
    deploy: { restart_policy: { delay: 0s, max_attempts: 1, window: ${window} } }
`;
  let folder = '';
  const ends = new Map<string, number>();
  await eventAfter(
    async () => (folder = await up('window', failing('lasting', '500ms') + failing('short', '60s'))),
    ({ Action, Actor }) => {
      const name = Actor.Attributes['name'] ?? '';
      if (Action === 'die') ends.set(name, (ends.get(name) ?? 0) + 1);
      return ends.get('window-lasting-1') === 4;
    },
  );
  assert.equal(ends.get('window-short-1'), 2);
  const { stdout } = await daemon.berth('ps', 'window');
  assert.match(stdout, /short .*crash loop/);
  assert.doesNotMatch(stdout, /lasting .*crash loop/);
  await down(folder);
});

test('a crash loop opens the breaker: no more starts, the last lines kept, told by an event and ps; up closes it', async () => {
  const crashing = `  web:
    image: busybox
    command: sh -c 'test -e /data/ok && exec sleep 1000; echo it cannot work; sleep 0.1; exit 3'
    stop_grace_period: 0s
    volumes: [loop:/data]
    restart: always
    deploy: { restart_policy: { max_attempts: 2 } }
volumes: { loop: { name: loop, external: true } }
`;
  await daemon.ok('run', '--rm', '-v', 'loop:/data', 'busybox', 'touch', '/data/ok');
  const folder = await up('loop', crashing);
  const event = await eventAfter(
    async () => {
      await daemon.ok('exec', 'loop-web-1', 'rm', '/data/ok');
      await killMain('loop-web-1');
    },
    ({ Action }) => Action === 'crash-loop',
  );
  const { replica, failures, reason, log = '' } = event.Actor.Attributes;
  assert.deepEqual(
    { replica, failures, reason },
    {
      replica: 'web/1',
      failures: '3',
      reason: 'it ended with exit code 3',
    },
  );
  assert.match(log, /it cannot work/);
  await daemon.kill9();
  await daemon.start();
  const { stdout } = await daemon.berth('ps', 'loop');
  assert.match(stdout, /crash loop: it ended with exit code 3; go on with: berth up/);
  assert.equal(await inspect('{{.State.Running}}', 'loop-web-1'), 'false');
  await daemon.ok('run', '--rm', '-v', 'loop:/data', 'busybox', 'touch', '/data/ok');
  assert.equal((await daemon.berth('up', folder)).code, 0, daemon.log);
  assert.doesNotMatch((await daemon.berth('ps', 'loop')).stdout, /crash loop/);
  await down(folder);
});

test('after a reboot services start in the order of their dependencies', async () => {
  const service = (more: string): string =>
    `{ image: busybox, command: sh -c 'sleep 0.3; touch /tmp/up; exec sleep 1000', stop_grace_period: 0s, restart: always, ${more} }`;
  const folder = await up(
    'boot',
    `  web: ${service('depends_on: { api: { condition: service_healthy } }')}
  api: ${service('depends_on: { db: { condition: service_healthy } }, healthcheck: { test: test -e /tmp/up, interval: 50ms, retries: 100 }')}
  db: ${service('healthcheck: { test: test -e /tmp/up, interval: 50ms, retries: 100 }')}
`,
  );
  const names = ['boot-web-1', 'boot-api-1', 'boot-db-1'];
  const pids = await Promise.all(names.map((name) => inspect('{{.State.Pid}}', name)));
  for (const name of names) await daemon.ok('exec', name, 'rm', '-f', '/tmp/up');
  await daemon.kill9();
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  // Nobody tells when they are reaped; before that a start of the daemon could take one for alive.
  while (pids.some((pid) => existsSync(`/proc/${pid}`))) await setTimeout(10);
  const since = Date.now();
  await daemon.start();
  const stream = await daemon.open('GET', `/events?since=${(since / 1000).toFixed(3)}`);
  const order: string[] = [];
  const parse: (text: string) => Event = JSON.parse;
  for await (const line of createInterface(stream)) {
    const { Action, Actor } = parse(line);
    const { name = '' } = Actor.Attributes;
    if (Action === 'start' || Action === 'health_status: healthy') order.push(`${name} ${Action}`);
    if (order.includes('boot-web-1 start')) break;
  }
  stream.destroy();
  assert.deepEqual(order, [
    'boot-db-1 start',
    'boot-db-1 health_status: healthy',
    'boot-api-1 start',
    'boot-api-1 health_status: healthy',
    'boot-web-1 start',
  ]);
  await down(folder);
});
