import assert from 'node:assert/strict';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import type { RunResult } from '../../support/docker.ts';
import { freePort } from '../../support/free-port.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const port = await freePort();

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

interface Entry {
  number: number;
  state: string;
  by: string;
  reason: string;
  failure?: string;
  changes: string[];
}

async function historyOf(app: string): Promise<Entry[]> {
  const parse: (text: string) => Entry[] = JSON.parse;
  return parse((await berth('history', app, '--json')).stdout);
}

/** Another image with the same content under a name. */
async function makeImage(name: string, label: string): Promise<string> {
  const container = await daemon.ok('create', 'busybox');
  const id = await daemon.ok('commit', '--change', `LABEL made=${label}`, container, name);
  await daemon.ok('rm', container);
  return id;
}

const web = (
  image: string,
  version: string,
  config: string,
  check = 'wget -qO- http://127.0.0.1:8000/',
): string => `
services:
  web:
    image: ${image}
    command: sh -c "mkdir -p /www; echo $$VERSION $$(cat /settings) > /www/index.html; exec httpd -f -p 8000 -h /www"
    environment: { VERSION: "${version}", TOKEN: "hush-${version}" }
    configs: [{ source: settings, target: /settings }]
    stop_grace_period: 1s
    ports: ["127.0.0.1:${port}:8000"]
    healthcheck: { test: "${check}", interval: 1s, retries: 2, start_interval: 100ms, start_period: 20s }
    x-berth: { update: { drain: 2s } }
configs: { settings: { content: "${config}" } }
`;

test('an app goes back as a whole, without its files and without a failed request; what failed is in the history', async (t) => {
  const image = await makeImage('app:1', 'one');
  const folder = await project('back', web('app:1', 'one', 'first'));
  await berth('up', folder);
  const newer = await makeImage('app:1', 'two');
  await project('back', web('app:1', 'two', 'second'));
  await berth('up', folder);
  const url = `http://127.0.0.1:${port}/`;
  const ask = async (): Promise<string> => (await (await fetch(url)).text()).trim();
  assert.equal(await ask(), 'two second');

  // Never well within its deadline: the old revision serves all the time.
  await project('back', web('app:1', 'three', 'third', 'echo it is broken; exit 7').replace('20s', '0s'));
  const answers = new Set<string>();
  const over = new AbortController();
  t.after(() => over.abort());
  const asking = (async () => {
    while (!over.signal.aborted)
      answers.add(await ask().catch((error: unknown) => `failed: ${String(error)}`));
  })();
  const failed = await daemon.berth('up', folder);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /last failing probe: exit code 7, output:\n +it is broken/);
  assert.match(
    failed.stderr,
    /revision 2 is in force as before; what was tried is revision 3 in berth history/,
  );
  assert.deepEqual([...answers], ['two second']);

  await rm(folder, { recursive: true });
  const { stderr } = await berth('rollback', 'back');
  assert.match(stderr, /send requests to back-web-1-next: done/);
  over.abort();
  await asking;
  assert.deepEqual([...answers].sort(), ['one first', 'two second']);
  assert.equal(await ask(), 'one first');
  assert.equal(await daemon.ok('inspect', '-f', '{{.Image}}', 'back-web-1'), image);
  await daemon.kill9();
  await daemon.start();

  const list = await historyOf('back');
  assert.deepEqual(
    list.map(({ number, state, reason }) => [number, state, reason]),
    [
      [1, 'former', 'up'],
      [2, 'former', 'up'],
      [3, 'failed', 'up'],
      [4, 'in force', 'rollback to revision 1'],
    ],
  );
  assert.match(list[2]?.failure ?? '', /web/);
  assert.match(list[1]?.changes.join() ?? '', /image digest changed/);
  assert.ok(!JSON.stringify(list).includes('hush'), 'a value stands in the history');
  const one = (await berth('history', 'back', '2')).stdout;
  assert.ok(one.includes(newer), one);
  for (const line of [
    '~ environment TOKEN',
    '~ environment VERSION',
    '~ configs settings',
    '-first',
    '+second',
    'From what is in force',
  ])
    assert.ok(one.includes(line), `'${line}' is missing in\n${one}`);
  assert.ok(!one.includes('hush'));

  // Back further there is nothing; to where it was there is.
  const none = await daemon.berth('rollback', 'back');
  assert.match(none.stderr, /the app back has no revision before 1 to go back to/);
  await berth('rollback', '2', 'back');
  assert.equal(await ask(), 'two second');
  const unknown = await daemon.berth('rollback', '9', 'back');
  assert.match(unknown.stderr, /has no revision 9: kept are 1, 2, 3, 4, 5/);
  await berth('down', 'back');
});

test('a revision whose image was taken away by force is refused before anything changes', async () => {
  const image = await makeImage('gone:1', 'old');
  const compose = (version: string): string =>
    `services:\n  web: { image: "gone:1", command: sleep 1000, stop_grace_period: 0s, environment: { V: "${version}" } }\n`;
  const folder = await project('gone', compose('one'));
  await berth('up', folder);
  await makeImage('gone:1', 'new');
  await project('gone', compose('two'));
  await berth('up', folder);
  const running = await daemon.ok('ps', '-q', '--no-trunc');
  await daemon.ok('rmi', '-f', image);
  const { code, stderr } = await daemon.berth('rollback', 'gone');
  assert.equal(code, 1);
  assert.match(stderr, /the image of the service web, 'gone:1' with the id sha256:\w+, is not here any more/);
  assert.equal(await daemon.ok('ps', '-q', '--no-trunc'), running);
  await berth('down', folder);
});

const planned = (version: string, more = ''): string => `services:
  web:
    image: busybox
    command: sleep 1000
    stop_grace_period: 0s
    environment: { VERSION: "hush-${version}" }
${more}  other: { image: busybox, command: sleep 1000, stop_grace_period: 0s }
`;

test('a plan tells what changes and why, and is carried out as it was shown or not at all', async () => {
  const folder = await project('planned', planned('one'));
  assert.equal((await daemon.berth('plan', '--exit-code', folder)).code, 2);
  await berth('up', folder);
  assert.equal((await daemon.berth('plan', '--exit-code', folder)).code, 0);
  await project('planned', planned('two', '    mem_limit: 64m\n'));
  const { stdout } = await berth('plan', folder);
  assert.match(stdout, /~ web: 1 container replaced, start-first\n/);
  assert.match(stdout, /~ environment VERSION\n/);
  assert.match(stdout, /~ memory limit: none -> 64 MiB/);
  assert.match(stdout, /as it is: other/);
  assert.ok(!stdout.includes('hush'), stdout);
  assert.ok(!stdout.includes('\u001b'), 'colours off a terminal');
  const id = /berth up --plan (\w+)/.exec(stdout)?.[1] ?? '';

  const former = await daemon.ok('inspect', '-f', '{{.Id}}', 'planned-web-1');
  await daemon.ok('stop', 'planned-other-1');
  const changed = await daemon.berth('up', '--plan', id, folder);
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /on the host: the container planned-other-1 .* is exited now/);
  await daemon.ok('start', 'planned-other-1');
  await project('planned', planned('two', '    mem_limit: 65m\n'));
  const edited = await daemon.berth('up', '--plan', id, folder);
  assert.match(edited.stderr, /in the files: web: memory limit changed/);
  assert.equal(await daemon.ok('inspect', '-f', '{{.Id}}', 'planned-web-1'), former);
  const unknown = await daemon.berth('up', '--plan', 'nonsense', folder);
  assert.match(unknown.stderr, /no plan with this id was shown/);

  await project('planned', planned('two', '    mem_limit: 64m\n'));
  const done = await berth('up', '--plan', id, folder);
  assert.match(done.stderr, /~ memory limit: none -> 64 MiB/);
  assert.notEqual(await daemon.ok('inspect', '-f', '{{.Id}}', 'planned-web-1'), former);
  const canary = await berth('plan', '--canary', '50%', '--json', await project('planned', planned('three')));
  assert.match(canary.stdout, /"setting":"environment","key":"VERSION"/);
  assert.match(canary.stdout, /"kind":"create-container","service":"web","replica":2/);
  await berth('down', folder);
});

test('a touched file of a build context builds nothing; another content does', async () => {
  const folder = await project(
    'built',
    'services:\n  web: { build: ., command: sleep 1000, stop_grace_period: 0s }\n',
  );
  await writeFile(join(folder, 'Dockerfile'), 'FROM busybox\nCOPY file /file\n');
  await writeFile(join(folder, 'file'), 'one');
  await berth('up', folder);
  await utimes(join(folder, 'file'), new Date(), new Date());
  assert.match((await berth('plan', folder)).stdout, /nothing to do/);
  await writeFile(join(folder, 'file'), 'two');
  assert.match((await berth('plan', folder)).stdout, /its image is made or pulled \(build context changed\)/);
  await berth('down', folder);
});
