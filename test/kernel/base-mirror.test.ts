import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { Mmdebstrap } from '#adapters/mmdebstrap/mmdebstrap.ts';
import { BerthError } from '#base/errors.ts';
import { contentsOf } from '#domain/base/contents.ts';
import type { BootstrapRequest } from '#ports/bootstrapper.ts';
import { DebianMirror, type MirrorMood } from '../support/debian-mirror.ts';

const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

interface Room {
  mirror: DebianMirror;
  maker: Mmdebstrap;
  folder: string;
}

async function room(t: TestContext): Promise<Room> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-mirror-'));
  const mirror = await DebianMirror.start(join(folder, 'mirror'));
  t.after(async () => {
    await mirror[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  await mirror.publish({ name: 'libdemo', version: '1.0-1', files: { 'usr/share/demo/version': '1.0-1\n' } });
  const { url: archive, keyring } = mirror;
  const maker = new Mmdebstrap({ root: join(folder, 'bases'), mirror: { archive, keyring, timeout: 1 } });
  return { mirror, maker, folder };
}

function request(more: Partial<BootstrapRequest> = {}): BootstrapRequest {
  return {
    contents: contentsOf({ entry: 'busybox', packages: ['libdemo'] }),
    ...{ suite: 'bookworm', architecture, onProgress: () => undefined },
    signal: new AbortController().signal,
    ...more,
  };
}

const versions = async (maker: Mmdebstrap): Promise<Record<string, string>> => {
  const { packages } = await maker.plan(request({ fresh: true }));
  return Object.fromEntries(packages.map(({ name, version }) => [name, version]));
};

test('an image is made from a mirror with a key of its own, the newest versions of all its suites', async (t) => {
  const { mirror, maker } = await room(t);
  await mirror.publish(
    { name: 'libdemo', version: '1.0-1+deb12u1', files: { 'usr/share/demo/version': 'patched\n' } },
    'bookworm-security',
  );
  const plan = await maker.plan(request());
  assert.deepEqual(plan.packages, [
    { name: 'base-files', version: '12.4' },
    { name: 'busybox-static', version: '1:1.35.0-4' },
    { name: 'libdemo', version: '1.0-1+deb12u1' },
    { name: 'netbase', version: '6.4' },
  ]);
  const tar = await buffer(await maker.build(request(), plan));
  assert.ok(tar.includes('patched\n') && tar.includes('VERSION_CODENAME=bookworm'));
  assert.deepEqual(await maker.offers(request(), ['libdemo', 'nothing']), [
    { name: 'libdemo', version: '1.0-1+deb12u1', suite: 'bookworm-security' },
    { name: 'libdemo', version: '1.0-1', suite: 'bookworm' },
  ]);
});

test('lists that must be fresh are asked for again, others not within the hour', async (t) => {
  const { mirror, maker } = await room(t);
  assert.equal((await versions(maker))['libdemo'], '1.0-1');
  await mirror.publish({ name: 'libdemo', version: '1.1-1', files: {} });
  const { packages } = await maker.plan(request());
  assert.ok(packages.some(({ name, version }) => name === 'libdemo' && version === '1.0-1'));
  assert.equal((await versions(maker))['libdemo'], '1.1-1');
});

const refusals: [mood: MirrorMood, code: string, message: RegExp][] = [
  ['wrong-key', 'mirror-untrusted', /NO_PUBKEY|not signed/],
  ['tampered', 'mirror-unreachable', /size|Hash Sum mismatch|expected/],
  ['silent', 'mirror-unreachable', /Connection (?:failed|timed out)/],
];
for (const [mood, code, message] of refusals)
  test(`a mirror that is ${mood} is refused in words although lists of before are at hand`, async (t) => {
    const { mirror, maker } = await room(t);
    const isRefused = (error: unknown): boolean => {
      assert.ok(error instanceof BerthError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    };
    await versions(maker);
    mirror.mood = mood;
    await mirror.publish({ name: 'libdemo', version: '2', files: {} });
    await assert.rejects(maker.offers(request({ fresh: true }), ['libdemo']), isRefused);
    mirror.mood = 'well';
    assert.equal((await versions(maker))['libdemo'], '2');
  });

test('a package that the mirror lists and does not have is named; nothing is left, and the next try goes on', async (t) => {
  const { mirror, maker, folder } = await room(t);
  const plan = await maker.plan(request());
  mirror.mood = 'no-packages';
  await assert.rejects(maker.build(request(), plan), (error) => {
    assert.ok(error instanceof BerthError);
    assert.equal(error.code, 'mirror-unreachable');
    assert.match(error.message, /404/);
    return true;
  });
  assert.deepEqual(await readdir(join(folder, 'bases')), ['apt']);
  mirror.mood = 'well';
  const tar = await maker.build(request(), plan);
  assert.ok((await buffer(tar)).length > 100_000);
});
