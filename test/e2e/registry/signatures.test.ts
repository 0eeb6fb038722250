import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  digestOf,
  manifestOf,
  ociManifest,
  pushBlob,
  reach,
  serveRegistry,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { DebianMirror } from '../../support/debian-mirror.ts';
import { startRegistry } from '../../support/registry.ts';

// Signatures and bills of materials travel with images: from the engine that made one to a registry, and to whoever pulls it.

const base = 'debian.berth/busybox:bookworm';
const scratch = await mkdtemp('/var/tmp/b-signed-');
const mirror = await DebianMirror.start(join(scratch, 'mirror'));
const config = join(scratch, 'config.toml');
await writeFile(config, mirror.settings());
const [maker, user, old] = await Promise.all([
  startDaemon({ environment: { BERTH_CONFIG: config } }),
  startDaemon(),
  startRegistry(),
]);
const registry = await serveRegistry(user);
after(async () => {
  await Promise.all([maker, user, old, mirror].map((one) => one[Symbol.asyncDispose]()));
  await rm(scratch, { recursive: true, force: true });
});

interface Referrers {
  manifests: { digest: string; artifactType: string; annotations?: Record<string, string> }[];
}
const parseReferrers: (text: string) => Referrers = JSON.parse;
const parseVerified: (text: string) => { digest: string; key: string; problem?: string } = JSON.parse;

async function berth(daemon: TestDaemon, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  assert.equal(code, 0, `berth ${words.join(' ')}\n${stderr}${stdout}`);
  return stdout;
}

async function refusal(daemon: TestDaemon, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  assert.equal(code, 1, stdout);
  return stdout + stderr;
}

const key = join(scratch, 'berth.pub');

/** Pushes the base under a name, and gives the digest that it has there. */
async function pushed(name: string): Promise<string> {
  await maker.ok('tag', base, name);
  const told = await maker.ok('push', name);
  assert.match(told, /Pushed its signature and bills of materials/);
  return /digest: (sha256:[0-9a-f]{64})/.exec(told)?.[1] ?? '';
}

test('a pushed base brings its signature and bills of materials along, and who pulls it can check them', async () => {
  await maker.ok('pull', base);
  await writeFile(key, await berth(maker, 'base', 'key'));
  const name = `${registry.host}/team/base:1`;
  const digest = await pushed(name);
  const { body } = await registry.call('GET', `team/base/referrers/${digest}`);
  const { manifests } = parseReferrers(body.toString());
  assert.deepEqual(manifests.map((one) => one.annotations?.['predicateType'] ?? one.artifactType).sort(), [
    'application/vnd.dev.cosign.artifact.sig.v1+json',
    'https://cyclonedx.org/bom',
    'https://spdx.dev/Document',
  ]);
  const tag = digest.replace(':', '-');
  for (const end of ['sig', 'att'])
    assert.equal((await registry.call('HEAD', `team/base/manifests/${tag}.${end}`)).status, 200);

  await user.ok('pull', name);
  const verified = parseVerified(await berth(user, 'base', 'verify', '--key', key, name, '--json'));
  assert.deepEqual([verified.digest, verified.problem], [digest, undefined]);
  assert.equal(verified.key, parseVerified(await berth(maker, 'base', 'verify', base, '--json')).key);
  await pushed(name);
  const again = parseReferrers((await registry.call('GET', `team/base/referrers/${digest}`)).body.toString());
  assert.equal(again.manifests.length, 3, 'the same push adds nothing');
});

test('a registry that knows no referrers has them listed under a tag', async () => {
  const name = `${old.host}/team/base:1`;
  const digest = await pushed(name);
  const there = reach(old.host);
  const { status } = await there.call('GET', `team/base/referrers/${digest}`);
  assert.equal(status, 404);
  const list = await there.call('GET', `team/base/manifests/${digest.replace(':', '-')}`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  assert.equal(parseReferrers(list.body.toString()).manifests.length, 3);
  await user.ok('pull', name);
  assert.match(await berth(user, 'base', 'verify', '--key', key, name), /the holder of the key signed it/);
});

test('nothing goes along with other images, nor when the settings say so', async () => {
  await maker.loadBusybox();
  const name = `${registry.host}/team/other:1`;
  await maker.ok('tag', 'busybox', name);
  assert.doesNotMatch(await maker.ok('push', name), /signature/);
  await writeFile(config, `${mirror.settings()}[registries]\npush-referrers = false\n`);
  await maker.restart();
  const alone = `${registry.host}/team/alone:1`;
  await maker.ok('tag', base, alone);
  const told = await maker.ok('push', alone);
  assert.doesNotMatch(told, /signature/);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(told)?.[1] ?? '';
  const { body } = await registry.call('GET', `team/alone/referrers/${digest}`);
  assert.deepEqual(parseReferrers(body.toString()).manifests, []);
});

/** Signs a digest as cosign does: the payload is the layer of a manifest under the tag `sha256-HEX.sig`. */
async function signLikeCosign(
  repository: string,
  digest: string,
  secret: KeyObject,
  about = digest,
): Promise<void> {
  const payload = JSON.stringify({
    critical: {
      identity: { 'docker-reference': '' },
      image: { 'docker-manifest-digest': about },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  const algorithm = secret.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const signature = sign(algorithm, Buffer.from(payload), secret).toString('base64');
  await pushBlob(registry, repository, '{}');
  await pushBlob(registry, repository, payload);
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    ...{ digest: digestOf(payload), size: payload.length },
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  };
  const { status, body } = await registry.call(
    'PUT',
    `${repository}/manifests/${digest.replace(':', '-')}.sig`,
    { body: manifestOf('{}', [], { layers: [layer] }), headers: { 'content-type': ociManifest } },
  );
  assert.equal(status, 201, body.toString());
}

test('the signature of a list is that of its images', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(scratch, 'list.pub');
  await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }));
  const [part, list] = [`${registry.host}/lists/part:1`, `${registry.host}/lists/all:1`];
  await maker.ok('tag', 'busybox', part);
  await maker.ok('push', part);
  await maker.ok('manifest', 'create', '--insecure', list, part);
  await maker.ok('manifest', 'push', '--insecure', list);
  const { headers } = await registry.call('HEAD', 'lists/all/manifests/1');
  await signLikeCosign('lists/all', headers.get('docker-content-digest') ?? '', privateKey);
  await user.ok('pull', list);
  assert.match(await berth(user, 'base', 'verify', '--key', file, list), /the holder of the key signed it/);
});

test('signatures of any key are checked, and what is wrong with them is told', async () => {
  const name = `${registry.host}/signed/app:1`;
  await user.loadBusybox();
  await user.ok('tag', 'busybox', name);
  assert.match(
    await refusal(user, 'base', 'verify', '--key', '/none', name),
    /'\/none' cannot be read: no such file or directory/,
  );
  assert.match(
    await refusal(user, 'base', 'verify', '--key', key, 'busybox'),
    /neither pulled .* nor pushed/,
  );
  await user.ok('push', name);
  const { headers } = await registry.call('HEAD', 'signed/app/manifests/1');
  const digest = headers.get('docker-content-digest') ?? '';
  const verify = ['base', 'verify', '--key', key, name];
  assert.match(await refusal(user, ...verify), /has no signature of sha256/);
  const pairs = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ed25519'),
  ];
  for (const { privateKey, publicKey } of pairs) {
    await writeFile(key, publicKey.export({ type: 'spki', format: 'pem' }));
    await signLikeCosign('signed/app', digest, privateKey);
    assert.match(await berth(user, ...verify), /the holder of the key signed it/);
    await signLikeCosign('signed/app', digest, privateKey, digestOf('another image'));
    assert.match(await refusal(user, ...verify), /the signature is of another image/);
  }
  await signLikeCosign('signed/app', digest, generateKeyPairSync('ed25519').privateKey);
  assert.match(await refusal(user, ...verify), /the signature is of another key/);
  await writeFile(key, 'no key');
  assert.match(await refusal(user, ...verify), /the key is no public key/);
});
