import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BaseAnswer, ShownBaseAnswer, VerifyAnswer } from '#api/types/bases.ts';
import { DebianMirror } from '../../support/debian-mirror.ts';
import { startDaemon } from '../../support/daemon.ts';

const base = 'debian.berth/busybox:bookworm';
const scratch = await mkdtemp('/var/tmp/b-mirror-');
const mirror = await DebianMirror.start(join(scratch, 'mirror'));
const config = join(scratch, 'config.toml');
await writeFile(config, `${mirror.settings()}[bases]\nrefresh = "0 4 1 1 *"\n`);
const daemon = await startDaemon({ environment: { BERTH_CONFIG: config } });
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await mirror[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});
before(() => daemon.ok('pull', base));

async function berth(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.berth(...words);
  assert.equal(code, 0, `berth ${words.join(' ')}\n${stderr}${stdout}\ndaemon's log:\n${daemon.log}`);
  return stdout;
}

async function refusal(...words: string[]): Promise<string> {
  const { code, stderr } = await daemon.berth(...words);
  assert.equal(code, 1);
  return stderr;
}

const blobPath = (digest: string): string => join(daemon.root, 'blobs', digest.replace(':', '/'));
const readBlob = (digest: string): Promise<string> => readFile(blobPath(digest), 'utf8');

/** As much of a manifest of an artifact as is looked at here. */
interface ArtifactManifest {
  artifactType: string;
  subject: { digest: string };
  layers: [{ digest: string; annotations: Record<string, string> }];
}

const parseManifest: (text: string) => ArtifactManifest = JSON.parse;
const parseShown: (text: string) => ShownBaseAnswer = JSON.parse;
const parseCatalogue: (text: string) => BaseAnswer[] = JSON.parse;
const parseVerified: (text: string) => VerifyAnswer = JSON.parse;

async function shown(): Promise<ShownBaseAnswer['images'][number]> {
  const [image] = parseShown(await berth('base', 'show', base, '--json')).images;
  assert.ok(image);
  return image;
}

test('the catalogue says what is here, of what version and size', async () => {
  const catalogue = parseCatalogue(await berth('base', 'ls', '--json'));
  const named = catalogue.map(({ name }) => name);
  for (const name of ['node', 'python', 'java', 'go', 'nginx', 'redis', 'postgres', 'static'])
    assert.ok(named.includes(name), `${name} of ${named.join(', ')}`);
  const [image] = catalogue.find(({ name }) => name === 'busybox')?.images ?? [];
  assert.deepEqual(image?.tags, [base]);
  assert.equal(image.version, '1:1.35.0-4');
  assert.ok(image.size > 100_000, String(image.size));
  assert.match(await berth('base', 'ls'), /\nbusybox +bookworm +1:1\.35\.0-4 +\d+\.\d MB /);
  assert.match(await refusal('base', 'show', 'pyton'), /did you mean 'python'/);
});

test('a base is signed as cosign does, and anybody with the public key can check it', async () => {
  const key = createPublicKey(await berth('base', 'key'));
  const image = await shown();
  const signature = image.attached.find(
    ({ type }) => type === 'application/vnd.dev.cosign.artifact.sig.v1+json',
  );
  assert.ok(signature);
  const { subject, layers } = parseManifest(await readBlob(signature.digest));
  assert.equal(subject.digest, image.digest);
  const payload = await readBlob(layers[0].digest);
  assert.ok(payload.includes(`"docker-manifest-digest":"${image.digest}"`));
  assert.ok(payload.includes('"docker-reference":"debian.berth/busybox"'));
  const text = layers[0].annotations['dev.cosignproject.cosign/signature'] ?? '';
  assert.equal(verify(null, Buffer.from(payload), key, Buffer.from(text, 'base64')), true);
});

test('bills of materials are attached as signed in-toto statements', async () => {
  const key = createPublicKey(await berth('base', 'key'));
  const image = await shown();
  const parseEnvelope: (json: string) => {
    payloadType: string;
    payload: string;
    signatures: [{ sig: string }];
  } = JSON.parse;
  const parseStatement: (json: string) => { subject: [{ digest: { sha256: string } }]; predicate: object } =
    JSON.parse;
  const bills = image.attached.filter(({ type }) => type === 'application/vnd.in-toto+json');
  assert.deepEqual(bills.map(({ predicate }) => predicate).sort(), [
    'https://cyclonedx.org/bom',
    'https://spdx.dev/Document',
  ]);
  for (const bill of bills) {
    const manifest = parseManifest(await readBlob(bill.digest));
    const { payloadType, payload, signatures } = parseEnvelope(await readBlob(manifest.layers[0].digest));
    const body = Buffer.from(payload, 'base64');
    const signed = Buffer.concat([
      Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `),
      body,
    ]);
    assert.equal(verify(null, signed, key, Buffer.from(signatures[0].sig, 'base64')), true);
    const { subject, predicate } = parseStatement(body.toString());
    assert.equal(`sha256:${subject[0].digest.sha256}`, image.digest);
    assert.match(JSON.stringify(predicate), /"pkg:deb\/debian\/busybox-static@1(?::|%3A)1\.35\.0-4/);
  }
});

test('the bill of materials of any image with a package database is printed', async () => {
  const spdx = await berth('sbom', base);
  assert.match(spdx, /"spdxVersion": "SPDX-2\.3"/);
  assert.match(spdx, /"name": "netbase"/);
  assert.match(await berth('sbom', base, '--format', 'cyclonedx'), /"bomFormat": "CycloneDX"/);
  await daemon.loadBusybox();
  assert.match(await refusal('sbom', 'busybox'), /no package database of dpkg or apk/);
  assert.match(await refusal('sbom', base, '--format', 'swid'), /neither spdx nor cyclonedx/);
});

test('verifying reads all that was signed: another image, another key and damage are told', async () => {
  const image = await shown();
  const verified = parseVerified(await berth('base', 'verify', base, '--json'));
  assert.equal(verified.digest, image.digest);
  assert.match(await refusal('base', 'verify', 'busybox'), /was not signed by this installation/);

  const key = join(daemon.root, 'signing.key');
  assert.equal((await stat(key)).mode & 0o777, 0o600);
  const seed = await readFile(key, 'utf8');
  await daemon.stop();
  await rm(key);
  await daemon.start();
  assert.match(await refusal('base', 'verify', base), /the signature is of another key/);
  await daemon.stop();
  await writeFile(key, seed, { mode: 0o600 });
  await daemon.start();
  await berth('base', 'verify', base);

  const [layer = ''] = (await daemon.ok('image', 'inspect', '-f', '{{index .RootFS.Layers 0}}', base)).split(
    '\n',
  );
  await appendFile(blobPath(layer), 'x');
  assert.match(await refusal('base', 'verify', base), new RegExp(`${layer} is not what was signed`));
});

test('the schedule of the settings is shown', async () => {
  assert.match(
    await berth('base', 'schedule'),
    /^bases\.refresh is '0 4 1 1 \*', apps are left as they are \(bases\.deploy\); next at \d{4}-01-01T04:00:00\.000Z\n/,
  );
});

test('what is attached goes with its image', async () => {
  const { attached } = await shown();
  assert.equal(attached.length, 3);
  await daemon.ok('rmi', base);
  await daemon.restart();
  for (const { digest } of attached) await assert.rejects(stat(blobPath(digest)), { code: 'ENOENT' });
});
