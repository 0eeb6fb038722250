import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

/** Four replicas that are replaced by two; a third and a fourth are never reached. */
const compose = (command: string, rollback: string): string => `services:
  web:
    image: busybox
    command: ${command}
    stop_grace_period: 0s
    deploy:
      replicas: 4
      update_config: { parallelism: 2, order: stop-first, monitor: 20s }
      rollback_config: ${rollback}
`;

async function project(name: string, text: string): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'compose.yaml'), text);
  return folder;
}

const idsOf = async (name: string): Promise<string[]> =>
  (await daemon.ok('ps', '-q', '--no-trunc', '--filter', `name=${name}-web`)).split('\n').sort();

test('an update that fails is rolled back in the groups and with the pauses of rollback_config', async () => {
  const rules = '{ parallelism: 1, delay: 300ms, order: start-first }';
  const folder = await project('steps', compose('sleep 1000', rules));
  assert.equal((await daemon.berth('up', folder)).code, 0);
  const former = await idsOf('steps');
  assert.equal(former.length, 4);
  await project('steps', compose('sh -c "sleep 2; exit 1"', rules));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  const [update = '', rollback = ''] = stderr.split('rolled back as deploy.rollback_config says');
  assert.match(update, /replace steps-web-1: done/);
  assert.equal(rollback.match(/pause for 0\.3 s: done/g)?.length, 1);
  assert.match(
    rollback,
    /start \S*steps-web-1: done[^]*pause for 0\.3 s: done[^]*start \S*steps-web-2: done/,
  );
  assert.doesNotMatch(stderr, /undone/);
  assert.deepEqual(await idsOf('steps'), former);
  assert.equal((await daemon.ok('ps', '-aq', '--filter', 'name=steps')).split('\n').length, 4);
  assert.match((await daemon.berth('ps', folder)).stdout, /steps +web +4\/4 +running/);
  assert.match((await daemon.berth('history', folder)).stdout, /failed/);
  await daemon.berth('down', folder);
});

test('a rollback that fails is paused where its failure_action says so', async () => {
  const rules = '{ parallelism: 1, failure_action: pause, monitor: 2s }';
  const shared = (command: string): string =>
    `${compose(command, rules)}    volumes: [ "flag:/flag" ]\nvolumes:\n  flag: {}\n`;
  const folder = await project('held', shared(`sh -c "test -e /flag/bad && exit 1; exec sleep 1000"`));
  assert.equal((await daemon.berth('up', folder)).code, 0);
  await project('held', shared('sh -c "touch /flag/bad; sleep 2; exit 1"'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  assert.match(stderr, /the rollback failed: .*; it is paused there, as its failure_action says/);
  assert.doesNotMatch(stderr, /undone/);
  await daemon.berth('down', folder);
});

test('a rollback goes on although replicas fail, as long as they are no more than its max_failure_ratio', async () => {
  const rules = '{ parallelism: 1, failure_action: pause, monitor: 1s, max_failure_ratio: 0.25 }';
  const shared = (command: string): string =>
    `${compose(command, rules)}    volumes: [ "flags:/flags" ]\nvolumes:\n  flags: {}\n`;
  // Of those that come back, the first fails once: one of four.
  const former = 'sh -c "test -e /flags/bad && mkdir /flags/failed && exit 1; exec sleep 1000"';
  const folder = await project('lenient', shared(former));
  assert.equal((await daemon.berth('up', folder)).code, 0);
  await project('lenient', shared('sh -c "touch /flags/bad; sleep 2; exit 1"'));
  const { code, stderr } = await daemon.berth('up', folder);
  assert.equal(code, 1);
  const [, rollback = ''] = stderr.split('rolled back as deploy.rollback_config says');
  assert.match(rollback, /unwell: \S*lenient-web-1: it ended with exit code 1/);
  assert.doesNotMatch(rollback, /the rollback failed|undone/);
  assert.match(rollback, /start \S*lenient-web-2: done/);
  assert.equal(await daemon.ok('exec', 'lenient-web-2', 'ls', '/flags'), 'bad\nfailed');
  await daemon.berth('down', '--volumes', folder);
});
