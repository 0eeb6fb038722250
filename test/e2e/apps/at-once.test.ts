import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

/** Begins an `up` that waits for a probe, and comes back once a container of it has started. */
async function begun(name: string, folder: string): Promise<{ ended: Promise<RunResult> }> {
  const events = await daemon.open('GET', '/events');
  const ended = daemon.berth('up', folder);
  for await (const line of createInterface(events))
    if (line.includes('"start"') && line.includes(`${name}-web-1`)) break;
  events.destroy();
  return { ended };
}

const gated = (version: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { V: "${version}" }
    healthcheck: { test: test -e /go, interval: 100ms, start_period: 60s, start_interval: 100ms }
`;

test('a second up and a down during an up are refused with a word, and the first goes on', async () => {
  const folder = await project('twice', gated('one'));
  const { ended } = await begun('twice', folder);
  const second = await daemon.berth('up', folder);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /cannot run up on the app twice: another up is changing it now/);
  const down = await daemon.berth('down', 'twice');
  assert.match(down.stderr, /cannot run down on the app twice: another up is changing it now/);
  await daemon.ok('exec', 'twice-web-1', 'touch', '/go');
  const first = await ended;
  assert.equal(first.code, 0, first.stderr);
  assert.equal((await daemon.berth('down', 'twice')).code, 0);
});

test('containers that someone removes while they are deployed end the up, and the next one is whole', async () => {
  const folder = await project('torn', gated('one'));
  const { ended } = await begun('torn', folder);
  await daemon.ok('rm', '-f', 'torn-web-1');
  const first = await ended;
  assert.equal(first.code, 1);
  assert.match(first.stderr, /torn-web-1|web/);
  const again = await begun('torn', folder);
  await daemon.ok('exec', 'torn-web-1', 'touch', '/go');
  assert.equal((await again.ended).code, 0);
  assert.equal((await daemon.berth('down', 'torn')).code, 0);
  assert.equal(await daemon.ok('ps', '-aq', '--filter', 'name=torn'), '');
});

const tolerant = (version: string, update: string): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    scale: 3
    environment: { V: "${version}" }
    labels: { version: "${version}" }
    healthcheck: { test: "test $$V != bad", interval: 100ms, retries: 2 }
    deploy: { update_config: { ${update} } }
`;

test('an update ends when more replicas fail than its rule lets, and goes on where it says so, with its delay', async () => {
  const folder = await project('ratio', tolerant('good', ''));
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const replicas = async (version: string): Promise<number> =>
    (await daemon.ok('ps', '-aq', '--filter', `label=version=${version}`)).split('\n').filter(Boolean).length;
  // The first group of two is within the ratio, the third replica is not: the former ones are put back.
  await project('ratio', tolerant('bad', 'max_failure_ratio: 0.7, parallelism: 2'));
  const beyond = await daemon.berth('up', folder);
  assert.equal(beyond.code, 1);
  assert.match(beyond.stderr, /send requests to ratio-web-1-next, ratio-web-2-next: done/);
  assert.match(beyond.stderr, /revision 1 is in force as before/);
  assert.deepEqual([await replicas('good'), await replicas('bad')], [3, 0]);
  await project('ratio', tolerant('bad', 'failure_action: continue, parallelism: 2, delay: 1s'));
  const onward = await daemon.berth('up', folder);
  assert.equal(onward.code, 0, onward.stderr);
  assert.match(onward.stderr, /pause for 1 s: done/);
  // Healing may try another one beside an unhealthy one.
  assert.equal(await replicas('good'), 0);
  assert.ok((await replicas('bad')) >= 3);
  assert.equal((await daemon.berth('down', 'ratio')).code, 0);
});
