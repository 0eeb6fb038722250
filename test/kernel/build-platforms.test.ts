import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { Index } from '#domain/image/manifest.ts';
import type { BuildOutput, BuildRequest, BuildVertex } from '#engine/contracts.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import { buildRoom, refusal } from '../support/build-room.ts';
import { registryOptions } from '../support/registry-options.ts';
import { startRegistry } from '../support/registry.ts';

const files = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /a\n', amd64: 'a', arm64: 'b' };
const platforms = ['linux/amd64', 'linux/arm64'];
const parse: (text: string) => Index = JSON.parse;

test('a build for several platforms is pushed and archived as one index', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const name = `${registry.host}/app:1`;
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  const { image } = await room.build(files, {
    platforms,
    tags: ['app'],
    outputs: [
      { kind: 'image', names: [name], push: true, compression: { type: 'zstd', force: false } },
      { kind: 'oci', names: ['app'], write },
    ],
  });
  assert.equal(room.room.images.get('app').id, image.id);
  const { signal } = new AbortController();
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  const { manifests } = parse(content.toString('utf8'));
  assert.deepEqual(
    manifests.map(({ platform }) => `${platform?.os ?? ''}/${platform?.architecture ?? ''}`),
    platforms,
  );
  const [first] = manifests;
  const reference = { registry: registry.host, repository: 'app', digest: first?.digest ?? image.id };
  const { content: manifest } = await client.manifest(reference, undefined, signal);
  assert.match(manifest.toString('utf8'), /layer\.v1\.tar\+zstd/);
  const pulled = await room.room.images.pull(name, {
    platform: 'linux/arm64',
    onProgress: () => undefined,
    signal,
  });
  assert.equal(pulled.config.architecture, 'arm64');
  assert.match(archives[0]?.toString('latin1') ?? '', /"platform":\{"architecture":"arm64","os":"linux"\}/);
});

test('a build for several platforms is one name here, of which later pushes and archives have them all', async () => {
  await using registry = await startRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await buildRoom({ registry: client });
  const { images } = room.room;
  const name = `${registry.host}/app:1`;
  const attest = { provenance: { mode: 'min' as const } };
  const { image } = await room.build(files, { platforms: [...platforms].reverse(), tags: [name], attest });
  assert.equal(images.get(name).id, image.id);
  assert.equal(image.config.architecture, 'amd64');
  assert.equal(images.get(name, { architecture: 'arm64', os: 'linux' }).config.architecture, 'arm64');
  const { signal } = new AbortController();
  const { digest } = await images.push(name, { onProgress: () => undefined, signal });
  const { content } = await client.manifest(parseReference(name), undefined, signal);
  assert.equal(parse(content.toString('utf8')).manifests.length, 4);
  // What it is built upon is found here for each platform.
  const upon = { Dockerfile: `FROM ${name}\nCOPY Dockerfile /b\n` };
  let attested = '';
  const onExported: BuildRequest['onExported'] = (told) => (attested = JSON.stringify(told.attested));
  const next = await room.build(upon, { platforms, tags: ['next'], attest, onExported });
  assert.equal(attested.split(digest.slice('sha256:'.length)).length, platforms.length + 1);
  const other = images.get('next', { architecture: 'arm64', os: 'linux' });
  assert.notEqual(other.id, next.image.id);
  assert.equal(await room.inside(other, (root) => readFileSync(`${root}/a`, 'utf8')), 'b');
  // Nothing is left of any platform's steps.
  for (const each of ['next', name]) await images.remove(each, { force: false, prune: true });
  assert.deepEqual(
    images.list().map(({ tags }) => tags),
    [['docker.io/library/base:latest']],
  );
});

test('files of several platforms go into a folder for each; what holds one image only is refused', async () => {
  await using room = await buildRoom();
  const folder = await room.folder({});
  const archives: Buffer[] = [];
  const write = async (archive: Readable): Promise<void> => void archives.push(await buffer(archive));
  let sent: string[] = [];
  const send = (folders: readonly NamedFolder[]): Promise<void> => {
    sent = folders.map((each) => `${each.prefix} ${readFileSync(`${each.folder}/a`, 'utf8')}`);
    return Promise.resolve();
  };
  const outputs: BuildOutput[] = [
    { kind: 'tar', write },
    { kind: 'folder', folder },
    { kind: 'local', send },
  ];
  await room.build(files, { platforms: [...platforms].reverse(), outputs });
  assert.deepEqual(sent, ['linux_amd64 a', 'linux_arm64 b']);
  assert.equal(readFileSync(`${folder}/linux_arm64/a`, 'utf8'), 'b');
  const names: string[] = [];
  for await (const { entry } of tarMembers(Readable.from(archives))) names.push(entry.name);
  assert.deepEqual(names, ['linux_amd64/', 'linux_amd64/a', 'linux_arm64/', 'linux_arm64/a']);
  const docker: BuildOutput = { kind: 'docker', names: [], write };
  const error = await refusal(room.build(files, { platforms, outputs: [docker] }));
  assert.match(error.message, /the output 'docker' of a build for several platforms is not offered/);
});

/** Waits in a step for the step of another platform. */
const meet = (file: string): string =>
  `i=0; until [ -e /c/${file} ]; do i=$((i+1)); [ $i -lt 1200 ] || exit 1; sleep 0.05; done`;

/** The last state of each vertex. */
function watch(): { onVertex: NonNullable<BuildRequest['onVertex']>; vertices: Map<string, BuildVertex> } {
  const vertices = new Map<string, BuildVertex>();
  return {
    vertices,
    onVertex: (event) => {
      if (event.kind === 'vertex') vertices.set(event.vertex.digest, event.vertex);
    },
  };
}

test('platforms are built at once, and what they have in common is made and told once, also without the cache', async () => {
  await using room = await buildRoom();
  const dockerfile = `FROM --platform=$BUILDPLATFORM base AS tools
RUN cat /proc/sys/kernel/random/uuid >/id
FROM tools AS compiler
COPY common /common
ARG TARGETARCH
COPY $TARGETARCH /a
RUN --mount=type=cache,target=/c set -e; touch /c/$TARGETARCH; ${meet('amd64')}; ${meet('arm64')}
FROM scratch
COPY --from=compiler /id /a /common /
`;
  const { onVertex, vertices } = watch();
  const { image } = await room.build(
    { Dockerfile: dockerfile, amd64: 'a', arm64: 'b', common: 'c' },
    { platforms, noCache: true, tags: ['app'], onVertex },
  );
  const other = room.room.images.get('app', { architecture: 'arm64', os: 'linux' });
  const read = (root: string): string[] => ['id', 'a'].map((name) => readFileSync(`${root}/${name}`, 'utf8'));
  const [own, foreign] = [await room.inside(image, read), await room.inside(other, read)];
  assert.equal(own[0], foreign[0]);
  assert.deepEqual([own[1], foreign[1]], ['a', 'b']);
  assert.ok(
    [...vertices.values()].every(({ completed, error }) => completed !== undefined && error === undefined),
  );
  const names = [...vertices.values()].map(({ name }) => name.replace(/(RUN|COPY) .*/, '$1'));
  assert.deepEqual(names.filter((name) => !name.startsWith('exporting')).sort(), [
    '[internal] load build context',
    '[linux/amd64 compiler 1/3] COPY',
    '[linux/amd64 compiler 2/3] COPY',
    '[linux/amd64 compiler 3/3] RUN',
    '[linux/amd64 stage-2 1/1] COPY',
    '[linux/amd64 tools 1/2] FROM docker.io/library/base:latest',
    '[linux/amd64 tools 2/2] RUN',
    '[linux/amd64->arm64 compiler 2/3] COPY',
    '[linux/amd64->arm64 compiler 3/3] RUN',
    '[linux/arm64 stage-2 1/1] COPY',
  ]);
});

test('a platform that fails ends the others', async () => {
  await using room = await buildRoom();
  const dockerfile = `FROM --platform=$BUILDPLATFORM base
ARG TARGETARCH
RUN --mount=type=cache,target=/c if [ $TARGETARCH = amd64 ]; then touch /c/begun; exec sleep 1000; fi; ${meet('begun')}; exit 3
`;
  const { onVertex, vertices } = watch();
  const error = await refusal(room.build({ Dockerfile: dockerfile }, { platforms, onVertex }));
  assert.match(error.message, /returned a non-zero code: 3/);
  const errors = [...vertices.values()].flatMap(({ name, error: why }) =>
    why === undefined ? [] : [[name, why]],
  );
  assert.equal(errors.length, 2);
  for (const [name = '', why = ''] of errors)
    assert.match(why, name.includes('arm64') ? /non-zero code: 3/ : /^context canceled$/);
  assert.deepEqual(await room.runtime.list(), []);
});

test('a command of another architecture that nothing emulates says so', async () => {
  await using room = await buildRoom();
  // The beginning of a program for a machine that there is not, so that no emulator says that it is its own.
  const program = `\x7fELF\x02\x02\x01${'\0'.repeat(10)}\x02\x7f\x16${'\0'.repeat(44)}`;
  const dockerfile = 'FROM scratch\nCOPY --chmod=755 sh /bin/sh\nRUN true\n';
  const error = await refusal(
    room.build({ Dockerfile: dockerfile, sh: program }, { platform: 'linux/s390x' }),
  );
  assert.match(
    error.message,
    /the image is for linux\/s390x and this machine is linux\/\w+: RUN needs an emulator that the kernel knows by binfmt_misc/,
  );
});
