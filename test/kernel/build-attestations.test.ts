import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import type { Descriptor, Index, Manifest } from '#domain/image/manifest.ts';
import { parseReference } from '#domain/image/reference.ts';
import { buildRoom, refusal } from '../support/build-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

interface Statement {
  _type: string;
  predicateType: string;
  subject: { name: string; digest: { sha256: string } }[];
  predicate: { packages?: { name: string }[]; materials?: { uri: string }[] };
}

type Read = (entry: Descriptor) => Promise<Buffer>;

const status = 'Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\n\n';
const files = {
  Dockerfile: 'FROM base\nARG WORD\nCOPY status /var/lib/dpkg/status\nRUN --mount=type=secret,id=key true\n',
  status,
};
const attest = { provenance: { mode: 'max' as const }, sbom: true };
const asked = {
  ...{ attest, sourceDateEpoch: 1_000_000, buildArgs: { WORD: 'told' } },
  secrets: () => Promise.resolve(Buffer.from('never-told')),
};
const parseIndex: (text: string) => Index = JSON.parse;
const parseManifest: (text: string) => Manifest = JSON.parse;
const parseStatement: (text: string) => Statement = JSON.parse;
const unknown = { architecture: 'unknown', os: 'unknown' };

test('an archive has the statements beside the image, by digests that hold, and the same each time', async () => {
  await using room = await buildRoom();
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  const request = { ...asked, outputs: [{ kind: 'oci' as const, names: ['app:1'], write }] };
  const { image } = await room.build(files, request);
  await room.build(files, { ...request, noCache: true });
  assert.ok(archives[0]?.equals(archives[1] ?? Buffer.alloc(0)));
  await room.room.images.remove('app:1', { force: true, prune: true });
  await room.room.images.load(Readable.from([archives[0]]), () => undefined);
  assert.equal(room.room.images.get('app:1').id, image.id);
  const content = await membersOf(archives[0] ?? Buffer.alloc(0));
  const read: Read = ({ digest, size }) => {
    const blob = content.get(`blobs/${digest.replace(':', '/')}`) ?? Buffer.alloc(0);
    assert.equal(blob.length, size);
    assert.equal(`sha256:${createHash('sha256').update(blob).digest('hex')}`, digest);
    return Promise.resolve(blob);
  };
  const [named] = parseIndex(content.get('index.json')?.toString('utf8') ?? '').manifests;
  assert.ok(named !== undefined);
  const { manifests } = parseIndex((await read(named)).toString('utf8'));
  assert.equal(manifests[0]?.digest, image.manifestDigest);
  await holds(manifests, read, 'pkg:docker/app@1?platform=linux%2Famd64');
});

test('what is pushed with attestations is an index, of which the image can be pulled', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const name = `${registry.host}/team/app:1`;
  const { image } = await room.build(files, {
    ...asked,
    outputs: [{ kind: 'image', names: [name], push: true }],
  });
  const { signal } = new AbortController();
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  const read: Read = async ({ digest, mediaType }) => {
    if (mediaType.includes('manifest'))
      return (
        await client.manifest({ registry: registry.host, repository: 'team/app', digest }, undefined, signal)
      ).content;
    return Buffer.from(
      await (await fetch(`http://${registry.host}/v2/team/app/blobs/${digest}`)).arrayBuffer(),
    );
  };
  const { manifests } = parseIndex(content.toString('utf8'));
  await holds(manifests, read, `pkg:docker/${registry.host}/team/app@1?platform=linux%2Famd64`);
  const pulled = await room.room.images.pull(name, { onProgress: () => undefined, signal });
  assert.equal(pulled.id, image.id);
});

test('attestations in what holds no index are refused before anything is built', async () => {
  await using room = await buildRoom();
  const nothing = { Dockerfile: 'FROM missing\n' };
  const write = (): Promise<void> => Promise.resolve();
  const error = await refusal(room.build(nothing, { attest, outputs: [{ kind: 'tar', write }] }));
  assert.match(error.message, /attestations in the output 'tar' are not offered/);
});

/** The entries of an index are an image and what is attested of it. */
async function holds(manifests: readonly Descriptor[], read: Read, name: string): Promise<void> {
  const [image, attestation, ...more] = manifests;
  assert.ok(image !== undefined && attestation !== undefined && more.length === 0);
  assert.equal(image.platform?.os, 'linux');
  assert.deepEqual(attestation.platform, unknown);
  assert.deepEqual(attestation.annotations, {
    'vnd.docker.reference.digest': image.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  });
  const { config, layers } = parseManifest((await read(attestation)).toString('utf8'));
  assert.equal(config.mediaType, 'application/vnd.oci.image.config.v1+json');
  assert.match((await read(config)).toString('utf8'), /"architecture":"unknown","os":"unknown"/);
  const types = ['https://spdx.dev/Document', 'https://slsa.dev/provenance/v0.2'];
  assert.deepEqual(
    layers.map((layer) => [layer.mediaType, layer.annotations?.['in-toto.io/predicate-type']]),
    types.map((type) => ['application/vnd.in-toto+json', type]),
  );
  const texts = await Promise.all(layers.map(async (layer) => (await read(layer)).toString('utf8')));
  for (const [place, text] of texts.entries()) {
    const { subject, predicateType, predicate } = parseStatement(text);
    assert.equal(predicateType, types[place]);
    assert.deepEqual(subject, [{ name, digest: { sha256: image.digest.slice('sha256:'.length) } }]);
    if (place === 0) assert.deepEqual(predicate.packages?.map((one) => one.name).slice(1), ['zlib1g']);
    else assert.equal(predicate.materials?.[0]?.uri, 'pkg:docker/base@latest?platform=linux%2Famd64');
    assert.ok(!text.includes('never-told'));
  }
  assert.match(texts[1] ?? '', /"build-arg:WORD":"told"/);
  assert.match(texts[1] ?? '', /COPY status \/var\/lib\/dpkg\/status/);
  assert.match(texts[1] ?? '', /"buildStartedOn":"1970-01-12T13:46:40Z"/);
}

async function membersOf(archive: Buffer): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const { entry, body } of tarMembers(Readable.from([archive])))
    found.set(entry.name, await buffer(body));
  return found;
}
