import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { CollectAnswer, DiskAnswer, DiskRowAnswer } from '#api/types/disk.ts';
import { layerOf } from '../../contract/snapshotter.ts';
import { serveRegistry } from '../../support/built-in-registry.ts';
import { TestDaemon } from '../../support/daemon.ts';
import { faultyRegistry } from '../../support/faulty-registry.ts';
import { configOf, dockerArchive } from '../../support/image-archives.ts';
import { noise } from '../../support/noise.ts';
import { smallDisk } from '../../support/small-disk.ts';

const mib = 1024 ** 2;

/** On a small ext4 of its own. */
async function start(t: TestContext, size: number, settings: string): Promise<TestDaemon> {
  const folder = await smallDisk(t, size * mib);
  const config = join(folder, 'config.toml');
  await writeFile(config, `[disk]\n${settings}\n`);
  const daemon = new TestDaemon(folder, { BERTH_CONFIG: config });
  await daemon.start();
  await daemon.loadBusybox();
  return daemon;
}

/** Some megabytes that nothing makes smaller, in one layer. */
const layer = (seed: number, size = 7): Buffer =>
  layerOf([[`file-${seed}`, 'file', { content: noise(size * mib, seed) }]]);

const archive = (seed: number): Buffer => {
  const layers = [layer(seed)];
  return dockerArchive([{ config: configOf(layers), tags: [`app:${seed}`], layers }]);
};

async function json<T>(daemon: TestDaemon, ...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await daemon.berth('system', ...words, '--json');
  assert.equal(code, 0, `${stderr}${stdout}`);
  const parse: (text: string) => T = JSON.parse;
  return parse(stdout);
}

async function names(daemon: TestDaemon): Promise<string[]> {
  const shown = await daemon.ok('images', '--format', '{{.Repository}}:{{.Tag}}');
  return shown.split('\n').sort();
}

const full = /no space left on device: .*; free some/;

test('images go before the disk is full, the longest unused first, and never one that somebody needs', async (t) => {
  await using daemon = await start(
    t,
    200,
    'keep-free = "60m"\nunused-hours = 0\nbuild-cache-reserved = "1m"',
  );
  const { host } = await serveRegistry(daemon);
  for (const seed of [1, 2, 3, 4]) await daemon.ok('load', { input: archive(seed) });
  const kept = await daemon.ok('create', 'app:1');
  await daemon.ok('tag', 'app:2', `${host}/team/app:2`);
  await daemon.ok('push', `${host}/team/app:2`);
  const running = await daemon.ok('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000');
  for (let seed = 5; seed < 20; seed++) await daemon.ok('load', { input: archive(seed) });
  const left = await names(daemon);
  for (const name of ['app:1', 'app:2', `${host}/team/app:2`, 'app:19', 'busybox:latest'])
    assert.ok(left.includes(name), `${name} is not in ${left.join(' ')}`);
  assert.ok(!left.includes('app:3') && !left.includes('app:4'), left.join(' '));
  const { bsize, bavail } = await statfs(daemon.root);
  assert.ok(bsize * bavail > 30 * mib, `${bsize * bavail} bytes are free`);
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Running}}', running), 'true');
  const copied = join(daemon.folder, 'copied');
  await daemon.ok('cp', `${kept}:/file-1`, copied);
  await daemon.told(/removed \d+ things that nobody uses/);
  await daemon.told(/app:3: not in use, and less than 62.9 MB are free/);
});

test('the build cache goes before the disk is full, and builds go on', async (t) => {
  await using daemon = await start(
    t,
    200,
    'keep-free = "50m"\nbuild-cache = "100%"\nbuild-cache-reserved = "1m"',
  );
  const context = join(daemon.folder, 'context');
  await mkdir(context);
  for (let turn = 0; turn < 12; turn++) {
    const step = `RUN dd if=/dev/urandom of=/made bs=1M count=8 2>/dev/null; echo ${turn} > /turn`;
    await writeFile(join(context, 'Dockerfile'), `FROM busybox\n${step}\nRUN echo two > /two\n`);
    await daemon.ok('build', '-q', '-t', 'made', context, { environment: { DOCKER_BUILDKIT: '0' } });
  }
  assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'made', 'cat', '/turn'), '11');
  await daemon.told(/echo \d+ > \/turn: not in use, and less than 52.4 MB are free/);
  const { rows } = await json<DiskAnswer>(daemon, 'df');
  assert.ok((rows.find(({ kind }) => kind === 'build-cache')?.size ?? 0) < 100 * mib);
});

test('what a dry run lists is what goes, no more and no less', async (t) => {
  await using daemon = await start(t, 200, 'period = 0');
  await using registry = await faultyRegistry();
  for (const seed of [1, 2, 3]) await daemon.ok('load', { input: archive(seed) });
  await daemon.ok('create', 'app:1');
  await daemon.ok('rmi', 'app:2');
  await daemon.ok('load', { input: archive(2) });
  const context = join(daemon.folder, 'context');
  await mkdir(context);
  for (const text of ['one', 'two']) {
    await writeFile(join(context, 'Dockerfile'), `FROM busybox\nRUN echo ${text} > /a\nRUN echo b > /b\n`);
    await daemon.ok('build', '-q', '-t', 'built', context, { environment: { DOCKER_BUILDKIT: '0' } });
  }
  registry.add('1', configOf([layer(9)]), [layer(9)]);
  registry.fault = ({ path }, response) => {
    if (!path.includes('/blobs/') || response.destroyed) return false;
    const content = registry.blobs.get(path.slice(path.lastIndexOf('/') + 1));
    if (content === undefined || content.length < mib) return false;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 2 * mib), () => response.destroy());
    return true;
  };
  assert.notEqual((await daemon.docker('pull', `${registry.host}/app:1`)).code, 0);
  const before = await daemon.ok('images', '-aq', '--no-trunc');
  const first = await json<CollectAnswer>(daemon, 'collect', '--dry-run');
  assert.deepEqual(first.items, [], 'with enough space nothing new goes');
  const planned = await json<CollectAnswer>(daemon, 'prune', '--dry-run');
  assert.equal(await daemon.ok('images', '-aq', '--no-trunc'), before, 'a dry run removes nothing');
  const kinds = new Set(planned.items.map(({ kind }) => kind));
  assert.deepEqual([...kinds].sort(), ['cache', 'download', 'image']);
  const usage = await json<DiskAnswer>(daemon, 'df');
  const free = (kind: DiskRowAnswer['kind']): number =>
    usage.rows.find((row) => row.kind === kind)?.reclaimable ?? 0;
  assert.equal(free('images') + free('build-cache') + free('temporary'), planned.bytes);
  const removed = await json<CollectAnswer>(daemon, 'prune');
  assert.deepEqual(removed.items, planned.items);
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/partial')), []);
  assert.deepEqual(await names(daemon), ['app:1']);
  assert.deepEqual((await json<CollectAnswer>(daemon, 'prune', '--dry-run')).items, []);
});

test('a disk that is full in the middle of a pull or a build is named, and with room the next try succeeds', async (t) => {
  await using daemon = await start(t, 100, 'period = 0');
  await using registry = await faultyRegistry();
  const layers = [layer(1, 20), layer(2, 20)];
  registry.add('1', configOf(layers), layers);
  const context = join(daemon.folder, 'context');
  await mkdir(context);
  const step = 'RUN dd if=/dev/zero of=/made bs=1M count=30 && echo done > /there';
  await writeFile(join(context, 'Dockerfile'), `FROM busybox\n${step}\n`);
  // So that its image stays.
  await daemon.ok('create', 'busybox', 'true');
  const filler = join(daemon.folder, 'filler');
  const { bsize, bavail } = await statfs(daemon.root);
  await writeFile(filler, Buffer.alloc(bsize * bavail - 25 * mib));
  const before = [await daemon.ok('images', '-aq'), await daemon.ok('ps', '-aq')];
  const pull = await daemon.docker('pull', `${registry.host}/app:1`);
  assert.notEqual(pull.code, 0);
  assert.match(pull.stderr, full);
  // What came is kept for the next try, and is the first to go.
  await json<CollectAnswer>(daemon, 'prune');
  const build = await daemon.docker('build', '-t', 'made', context, {
    environment: { DOCKER_BUILDKIT: '0' },
  });
  assert.notEqual(build.code, 0);
  assert.match(`${build.stdout}${build.stderr}`, /No space left on device|no space left on device/);
  assert.deepEqual([await daemon.ok('images', '-aq'), await daemon.ok('ps', '-aq')], before);
  assert.deepEqual(await readdir(join(daemon.root, 'snapshots/temporary')), []);
  await rm(filler);
  await daemon.ok('build', '-t', 'made', context, { environment: { DOCKER_BUILDKIT: '0' } });
  await daemon.ok('rmi', 'made');
  await json<CollectAnswer>(daemon, 'prune');
  await daemon.restart();
  await daemon.ok('pull', `${registry.host}/app:1`);
});

test('a container goes on while the disk is too full for its log, and is logged again once there is room', async (t) => {
  await using daemon = await start(t, 64, 'period = 0');
  const filler = join(daemon.folder, 'filler');
  const talk = 'i=0; while true; do i=$((i+1)); echo line $i; usleep 20000; done';
  const id = await daemon.ok('run', '-d', '--network', 'none', 'busybox', 'sh', '-c', talk);
  const { bsize, bavail } = await statfs(daemon.root);
  await writeFile(filler, Buffer.alloc(bsize * bavail - mib)).catch(() => undefined);
  await writeFile(join(daemon.folder, 'rest'), Buffer.alloc(2 * mib)).catch(() => undefined);
  const refused = await daemon.docker('load', { input: archive(1) });
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, full);
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Running}}', id), 'true');
  await rm(filler);
  await rm(join(daemon.folder, 'rest'));
  const since = await daemon.ok('exec', id, 'date', '+%s');
  const following = new AbortController();
  const logged = daemon.docker('logs', '-f', '--since', since, id, { signal: following.signal });
  await daemon.ok('exec', id, 'usleep', '500000');
  following.abort();
  assert.match((await logged).stdout, /line \d+\n/);
  await daemon.ok('load', { input: archive(1) });
});

test('a container that writes without end does not fill the disk with its log, and its last lines can be had', async (t) => {
  await using daemon = await start(t, 300, 'period = 0');
  const limits = ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2'];
  // Some 60 MB a second: without rotation the disk is full after five.
  const writing = `while :; do yes ${'x'.repeat(80)} | head -c 4050000; sleep 0.05; done`;
  const id = await daemon.ok('run', '-d', '--network', 'none', ...limits, 'busybox', 'sh', '-c', writing);
  const size = async (): Promise<number> => {
    const { rows } = await json<DiskAnswer>(daemon, 'df');
    return rows.find(({ kind }) => kind === 'logs')?.size ?? 0;
  };
  // Rotated again and again while it is written: a file is another one each time.
  const files = new Set<number>();
  for (let looks = 0; files.size < 5; looks++) {
    const stats = await stat(join(daemon.root, 'logs', id, 'log')).catch(() => undefined);
    if (stats !== undefined) files.add(stats.birthtimeMs);
    assert.ok((await size()) < 150 * mib && looks < 100, `${looks} looks: ${await size()} bytes`);
  }
  // The last one may be half written.
  assert.match(await daemon.ok('logs', '--tail', '2', id), /^x{80}\nx{1,80}$/);
  await daemon.ok('rm', '-f', id);
});
