import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import type { OutdatedAnswer, RefreshStreamEvent } from '#api/types/bases.ts';
import { BuildkitClient, fileSync } from '../../support/buildkit-client.ts';
import { DebianMirror } from '../../support/debian-mirror.ts';
import { startDaemon } from '../../support/daemon.ts';

const base = 'debian.berth/busybox/libdemo:bookworm';
const parseOutdated: (text: string) => OutdatedAnswer = JSON.parse;
const parseEvent: (line: string) => RefreshStreamEvent = JSON.parse;

const scratch = await mkdtemp('/var/tmp/b-mirror-');
const mirror = await DebianMirror.start(join(scratch, 'mirror'));
const config = join(scratch, 'config.toml');
await writeFile(config, `${mirror.settings()}[bases]\nmax-context = "2m"\n`);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

/** A newer version of the package that the images have. */
async function publishUpdate(update: number): Promise<string> {
  const version = `1.0-1+deb12u${update}`;
  await mirror.publish(
    { name: 'libdemo', version, files: { 'usr/share/demo/version': `${version}\n` } },
    'bookworm-security',
  );
  return version;
}

async function berth(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  assert.equal(code, 0, `berth ${words.join(' ')}\n${stderr}${stdout}\ndaemon's log:\n${daemon.log}`);
  return stdout;
}

async function refusal(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  assert.equal(code, 1, stdout);
  return stdout + stderr;
}

const outdated = async (): Promise<OutdatedAnswer> =>
  parseOutdated(await berth('base', 'outdated', '--json'));
const outdatedNames = async (): Promise<string[]> => (await outdated()).images.flatMap(({ names }) => names);

async function refresh(...words: string[]): Promise<RefreshStreamEvent[]> {
  const text = await berth('base', 'refresh', '--json', ...words);
  return text.trim().split('\n').map(parseEvent);
}

/** Name and outcome of each step, in order. */
const outcomes = (events: readonly RefreshStreamEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === 'step' && event.state !== 'started' ? [`${event.name} ${event.state}`] : [],
  );

async function project(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(daemon.folder, 'projects', name);
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  return folder;
}

const idOf = (image: string): Promise<string> => daemon.ok('image', 'inspect', '-f', '{{.Id}}', image);

const sleeping = 'command: sleep 1000\n    stop_grace_period: 0s';

/** An image upon the base, which runs in one app, and one upon that, which runs in another. */
async function bringUp(): Promise<void> {
  await berth('up', '-f', join(await project('platform', platform), 'compose.yaml'), '--yes');
  await berth('up', '-f', join(await project('shop', shop), 'compose.yaml'), '--yes');
}

const platform = {
  'compose.yaml': `name: platform\nservices:\n  mid:\n    build: ./mid\n    image: company/mid:1\n    ${sleeping}\n`,
  'mid/Dockerfile': `FROM ${base}\nCOPY file /mid\nRUN cat /usr/share/demo/version >/tmp/built-upon\n`,
  'mid/file': 'mid\n',
};
const shop = {
  'compose.yaml': `name: shop\nservices:\n  web:\n    build: ./web\n    image: a-shop/web\n    ${sleeping}\n`,
  'web/Dockerfile': 'FROM company/mid:1\nCOPY file /web\n',
  'web/file': 'web\n',
};

test('what is outdated is listed with running services, rebuilt in order, given to apps, and then outdated no more', async () => {
  await mirror.publish({ name: 'libdemo', version: '1.0-1', files: { 'usr/share/demo/version': '1.0-1\n' } });
  await daemon.ok('pull', base);
  await bringUp();
  await daemon.ok('run', '-d', '--name', 'alone', '--stop-timeout', '0', base, 'sleep', '1000');
  assert.deepEqual((await outdated()).images, []);

  const version = await publishUpdate(1);
  const { images } = await outdated();
  const packages = [{ name: 'libdemo', installed: '1.0-1', candidate: version, security: true }];
  assert.deepEqual(
    images.map(({ names, running, packages: found }) => [names, running, found]),
    [
      [[base], [{ container: 'alone' }], packages],
      [['docker.io/a-shop/web:latest'], [{ container: 'shop-web-1', app: 'shop', service: 'web' }], packages],
      [
        ['docker.io/company/mid:1'],
        [{ container: 'platform-mid-1', app: 'platform', service: 'mid' }],
        packages,
      ],
    ],
  );
  assert.match(
    await refusal('base', 'outdated', '--exit-code'),
    /^SERVICE .*\nalone +debian\.berth\S+ +1 +1 +\d+ \w+ +newer packages\nshop\/web +docker\.io\/a-shop\/web:latest +1 +1 /,
  );
  assert.match(
    await berth('base', 'outdated', '-v'),
    new RegExp(`\n  libdemo 1\\.0-1 -> ${version.replace('+', '\\+')} \\(security\\)`),
  );

  const before = await idOf('a-shop/web');
  const plan = await berth('base', 'refresh', '--dry-run');
  assert.deepEqual(plan.trim().split('\n'), [
    `make ${base}`,
    'build docker.io/company/mid:1',
    'build docker.io/a-shop/web:latest',
    'then update platform (mid)',
    'then update shop (web)',
  ]);
  assert.equal(await idOf('a-shop/web'), before);

  const events = await refresh('--deploy');
  assert.deepEqual(outcomes(events), [
    `${base} done`,
    'docker.io/company/mid:1 done',
    'docker.io/a-shop/web:latest done',
  ]);
  for (const event of events)
    if (event.type === 'step' && event.state === 'done')
      assert.deepEqual(event.changes, [{ name: 'libdemo', from: '1.0-1', to: version }]);
  for (const container of ['shop-web-1', 'platform-mid-1'])
    assert.equal(await daemon.ok('exec', container, 'cat', '/usr/share/demo/version'), version);
  assert.equal(await daemon.ok('exec', 'shop-web-1', 'cat', '/tmp/built-upon'), version);

  // The container that nobody manages still runs what it was made of.
  assert.deepEqual(
    (await outdated()).images.map(({ names, running }) => [names, running]),
    [[[], [{ container: 'alone' }]]],
  );
  await daemon.ok('rm', '-f', 'alone');
  assert.match(await berth('base', 'outdated'), /^Nothing is outdated/);
  assert.deepEqual(outcomes(await refresh()), []);
});

test('what only takes files from an outdated image is listed and rebuilt too', async () => {
  const compose = `name: static\nservices:\n  program:\n    build: .\n    ${sleeping}\n    entrypoint: /busybox\n`;
  const dockerfile = `FROM ${base} AS build\nFROM scratch\nCOPY --from=build /usr/share/demo/version /bin/busybox /\n`;
  const folder = await project('static', { 'compose.yaml': compose, Dockerfile: dockerfile });
  await berth('up', '-f', join(folder, 'compose.yaml'), '--yes');
  const listed = async (): Promise<unknown[]> =>
    (await outdated()).images
      .filter(({ packages }) => packages.length === 0)
      .map(({ names, from, running }) => [names, from, running.map(({ container }) => container)]);
  const expected = [[['docker.io/library/static-program:latest'], [base], ['static-program-1']]];
  assert.deepEqual(await listed(), []);

  const version = await publishUpdate(2);
  assert.deepEqual(await listed(), expected);
  await refresh('--deploy');
  assert.deepEqual((await outdated()).images, []);
  assert.equal(await daemon.ok('exec', 'static-program-1', '/busybox', 'cat', '/version'), version);
  await berth('down', 'static');
  await daemon.ok('rmi', 'static-program');
});

test('without --deploy apps go on with what they run, and are named', async () => {
  await publishUpdate(3);
  const text = await berth('base', 'refresh', 'company/mid:1');
  assert.match(text, /\n3 images refreshed\.\n/);
  assert.match(text, /\nshop \(web\) still runs the former image: berth base refresh --deploy updates it\n/);
  const { images } = await outdated();
  assert.deepEqual(
    images.map(({ names }) => names),
    [[], []],
  );
  // Images without names are in the order of their ids, which are others each time.
  const services = images.flatMap(({ running }) => running.map((one) => one.service));
  assert.deepEqual(services.sort(), ['mid', 'web']);
  await refresh('--deploy');
  assert.deepEqual((await outdated()).images, []);
});

/** As `docker build` sends it: the classic way, or by BuildKit's protocol. */
async function sendBuild(
  way: 'classic' | 'buildkit',
  name: string,
  files: Record<string, string>,
): Promise<void> {
  if (way === 'classic') {
    const folder = await project(name, files);
    await daemon.ok('build', '-t', name, folder, { environment: { DOCKER_BUILDKIT: '0' } });
    await rm(folder, { recursive: true });
    return;
  }
  await using client = await BuildkitClient.open(
    daemon.socket,
    fileSync({ context: files, dockerfile: files }),
    'shared',
  );
  await client.solve({
    attributes: { filename: 'Dockerfile', 'build-arg:WORD': 'given' },
    exporters: [{ type: 'moby', attributes: { name } }],
  });
}

test('an image whose context a client sent is built again from what was kept of it, which goes with the image', async () => {
  for (const way of ['classic', 'buildkit'] as const) {
    const name = `sent-${way}`;
    await sendBuild(way, name, {
      Dockerfile: `FROM ${base}\nARG WORD=usual\nCOPY sub /sub\nRUN echo $WORD >/tmp/word\n`,
      'sub/file': 'content\n',
    });
    const before = await idOf(name);
    const version = await publishUpdate(way === 'classic' ? 4 : 6);
    await refresh();
    assert.notEqual(await idOf(name), before);
    const word = way === 'classic' ? 'usual' : 'given';
    assert.equal(
      await daemon.ok('run', '--rm', name, 'cat', '/usr/share/demo/version', '/sub/file', '/tmp/word'),
      `${version}\ncontent\n${word}`,
    );
    if (way === 'classic') {
      // And once more, from the same.
      await publishUpdate(5);
      assert.ok(outcomes(await refresh()).includes(`docker.io/library/${name}:latest done`));
    }
    assert.match(
      await berth('system', 'df', '-v'),
      new RegExp(`^${name}:latest +\\d.* can be built again from it`, 'm'),
    );
    await daemon.ok('rmi', name);
    await refresh();
    assert.doesNotMatch(await berth('system', 'df', '-v'), new RegExp(`^${name}`, 'm'));
  }
  await refresh('--deploy');
});

test('why an image cannot be built again is told', async () => {
  const folder = await project('large', {
    Dockerfile: `FROM ${base} AS build\nFROM scratch\nCOPY --from=build /bin/busybox /\n`,
  });
  await writeFile(join(folder, 'noise'), randomBytes(3 * 1024 ** 2));
  await daemon.ok('build', '-t', 'large', folder, { environment: { DOCKER_BUILDKIT: '0' } });
  await daemon.ok('tag', 'large', 'other-name');
  await publishUpdate(8);
  const { images } = await outdated();
  const large = images.find(({ names }) => names.includes('docker.io/library/large:latest'));
  assert.deepEqual([large?.packages, large?.from], [[], [base]]);
  const text = await berth('base', 'refresh', '--dry-run');
  assert.match(
    text,
    /\ncannot refresh docker\.io\/library\/large:latest: .*not kept: packed it is larger than 2\.1 MB/,
  );
  await daemon.ok('rmi', 'large', 'other-name');
  await refresh('--deploy');
});

test('a mirror that cannot be trusted or lacks packages changes nothing, and is said in words', async () => {
  const version = await publishUpdate(9);
  const before = await idOf(base);
  mirror.mood = 'wrong-key';
  assert.match(await refusal('base', 'outdated'), /suite 'bookworm': .*NO_PUBKEY/s);
  assert.match(await refusal('base', 'refresh', '--deploy'), /mirrors\.keyring/);
  mirror.mood = 'no-packages';
  const text = await refusal('base', 'refresh', '--deploy');
  assert.match(text, /libdemo_.*404/);
  assert.match(text, /company\/mid:1 skipped: debian\.berth\S+ was not refreshed/);
  assert.match(
    text,
    /could not be refreshed: debian\.berth\S+, docker\.io\/company\/mid:1, docker\.io\/a-shop\/web:latest/,
  );
  assert.equal(await idOf(base), before);
  mirror.mood = 'well';
  await refresh('--deploy');
  assert.equal(await daemon.ok('exec', 'shop-web-1', 'cat', '/usr/share/demo/version'), version);
});

test('after kill -9 in the middle nothing is left, and the next refresh does the rest', async () => {
  const version = await publishUpdate(10);
  const before = await idOf(base);
  const bases = join(daemon.root, 'bases');
  mirror.mood = 'stalling-packages';
  const asked = mirror.whenAsked('/pool/libdemo');
  const cutOff = daemon.berth('base', 'refresh', '--deploy');
  await asked;
  await daemon.kill9();
  assert.equal((await cutOff).code, 1);
  mirror.mood = 'well';
  await daemon.start();
  assert.deepEqual(await readdir(bases), ['apt']);
  assert.equal(await idOf(base), before);
  await refresh('--deploy');
  assert.equal(await daemon.ok('exec', 'shop-web-1', 'cat', '/usr/share/demo/version'), version);
  assert.deepEqual(await outdatedNames(), []);
});
