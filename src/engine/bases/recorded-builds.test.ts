import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { Image } from '#domain/image/image.ts';
import type { Mount } from '#domain/dockerfile/mount.ts';
import type { BuildRequest, Builds, Secrets, SecretView } from '#engine/contracts.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import type { BuildRecord } from './build-record.ts';
import { RecordedBuilds, type RecordedBuildsOptions } from './recorded-builds.ts';
import { SecretsAgain } from './secrets-again.ts';

const image = (id: string, tags: string[] = []): Image => ({
  ...{ id: `sha256:${id}`, manifestDigest: `sha256:${id}`, chainId: '', layers: [], tags },
  ...{ repoDigests: [], size: 0, stored: '' },
  config: { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } },
});

const create: (prototype: null) => Builds & Secrets & SecretView = Object.create;
const owner = { uid: 0, gid: 0, mode: 0o400 };
const secretMount: Mount = {
  type: 'secret',
  id: 'npm',
  target: '/run/secrets/npm',
  required: true,
  ...owner,
};
const sshMount: Mount = { type: 'ssh', id: 'default', required: true, ...owner };

class World {
  readonly state = new MemoryState();
  readonly asked: BuildRequest[] = [];
  /** What the archives held that were given as contexts. */
  readonly read: unknown[] = [];
  /** What each build begins with, mounts and receives. */
  sources: [written: string, image: Image][] = [
    ['debian.berth/go', image('a')],
    [`busybox@sha256:${'1'.repeat(64)}`, image('b')],
  ];
  mounts: Mount[] = [];
  received: string[] = [];
  /** Names of folders whose files are kept, and those that cannot be. */
  readonly kept = new Set<string>();
  unkept = new Map<string, string>();
  /** What the store of secrets has, and names of the machine's that builds may have. */
  readonly stored = [{ noun: 'secret' as const, app: 'shop', name: 'npm', version: 3 }];
  readonly allowed: string[] = [];
  readonly builds: RecordedBuilds = this.open();

  open(): RecordedBuilds {
    return new RecordedBuilds({
      builds: Object.assign(create(null), { build: (request: BuildRequest) => this.#build(request) }),
      store: this.state,
      contexts: this.#contexts(),
      secrets: new SecretsAgain(
        {
          list: () => this.stored.map((view) => Object.assign(create(null), view)),
          value: ({ key, version }) => Promise.resolve(Buffer.from(`${key} ${version}`)),
        },
        this.allowed,
      ),
      report: (problem, error) => assert.fail(`${problem}: ${String(error)}`),
    });
  }

  async #build(request: BuildRequest): Promise<Image> {
    this.asked.push(request);
    for (const [written, source] of this.sources) request.onSource?.(written, source);
    for (const mount of this.mounts) request.onMount?.(mount);
    const folders = this.received.map((name) => [name, `/folder-${name}`] as const);
    if (folders.length > 0) void request.onReceived?.(new Map(folders));
    const made = image(String(this.asked.length));
    if ('tar' in request.context) for await (const piece of request.context.tar) this.read.push(piece);
    return made;
  }

  #contexts(): RecordedBuildsOptions['contexts'] {
    return {
      keep: (folder) => {
        const reason = this.unkept.get(folder);
        if (reason !== undefined) return Promise.resolve({ reason });
        this.kept.add(folder);
        return Promise.resolve({ kept: folder });
      },
      open: (id) => Promise.resolve(Readable.from([id])),
      has: (id) => this.kept.has(id),
      list: () => [...this.kept].map((id) => ({ id, digest: 'sha256:c' as const, size: 7, used: 5 })),
      remove: (accepts) => {
        for (const id of this.kept) if (accepts(id)) this.kept.delete(id);
        return Promise.resolve();
      },
    };
  }

  record(tag = 'docker.io/library/app:1', id = this.asked.length): BuildRecord {
    const record = this.builds.recordOf(tag, `sha256:${id}`);
    assert.ok(record);
    return record;
  }
}

const request = (more: Partial<BuildRequest>): BuildRequest => ({
  ...{ context: { folder: '/srv/app' }, tags: ['app:1'], buildArgs: { A: 'b' }, labels: {} },
  ...{ onProgress: () => undefined, signal: new AbortController().signal },
  ...more,
});
const sent = { tar: Readable.from([]) };

test('a build from a folder is repeated as it was asked for, without the cache when told', async () => {
  const world = new World();
  const { builds, asked } = world;
  await builds.build(request({ target: 'web', sourceDateEpoch: 7 }));
  const record = world.record();
  assert.deepEqual(record.sources, [{ name: 'debian.berth/go:latest', imageId: 'sha256:a' }]);
  assert.deepEqual(record.pinned, [
    { name: `docker.io/library/busybox@sha256:${'1'.repeat(64)}`, imageId: 'sha256:b' },
  ]);
  const { onProgress, signal } = request({});
  await builds.repeat(record, { noCache: true, onProgress, signal });
  const { context, tags, buildArgs, target, sourceDateEpoch, noCache } = asked[1] ?? request({});
  assert.deepEqual(
    { context, tags, buildArgs, target, sourceDateEpoch, noCache },
    {
      ...{ context: { folder: '/srv/app' }, tags: ['docker.io/library/app:1'], buildArgs: { A: 'b' } },
      ...{ target: 'web', sourceDateEpoch: 7, noCache: true },
    },
  );
  assert.equal(builds.recordOf('docker.io/library/app:1', 'sha256:1'), undefined);
});

test('what clients sent is kept, and a build is repeated from it', async () => {
  const world = new World();
  world.received = ['', 'more'];
  const contexts = { more: sent, unused: sent, image: { image: 'busybox' } };
  await world.builds.build(request({ context: sent, contexts }));
  await world.builds.settled();
  const record = world.record();
  assert.deepEqual([record.lacks, record.context], [[], { kept: '/folder-' }]);
  assert.deepEqual(record.contexts, { more: { kept: '/folder-more' }, image: { image: 'busybox' } });
  await world.builds.repeat(record, request({}));
  const [, again] = world.asked;
  assert.deepEqual(world.read, ['/folder-']);
  assert.deepEqual(Object.keys(again?.contexts ?? {}), ['more', 'image']);
  const more = again?.contexts?.['more'];
  assert.ok(more && 'tar' in more && more.tar.destroyed, 'no step asked for it');
});

test('why the files of a client are not kept is told', async () => {
  const world = new World();
  world.received = [''];
  world.unkept.set('/folder-', 'packed it is larger than 5 MB');
  await world.builds.build(request({ context: sent }));
  await world.builds.settled();
  const { lacks } = world.record();
  assert.deepEqual(lacks, ['the context by a client, which was not kept: packed it is larger than 5 MB']);
  await assert.rejects(world.builds.repeat(world.record(), request({})), { code: 'build-context-gone' });
});

test('files that were let go of are named, and those that no record needs go', async () => {
  const world = new World();
  world.received = [''];
  await world.builds.build(request({ context: sent }));
  await world.builds.settled();
  assert.deepEqual(world.builds.keptContexts(), [
    { id: '/folder-', names: ['docker.io/library/app:1'], size: 7, used: 5 },
  ]);
  await world.builds.removeContexts(() => true);
  assert.match(world.record().lacks.join(), /let go of since/);
  world.kept.add('/folder-');
  await world.open().sweep((tag) => (tag === 'docker.io/library/app:1' ? 'sha256:1' : undefined));
  assert.deepEqual([...world.kept], ['/folder-']);
  await world.builds.sweep(() => 'sha256:of-another-image');
  assert.deepEqual([...world.kept], []);
  assert.equal(world.builds.recordOf('docker.io/library/app:1', 'sha256:1'), undefined);
});

test('secrets count when a step mounts them, and are had again where the store of secrets has them', async () => {
  const world = new World();
  const secrets = { secrets: () => Promise.resolve(Buffer.from('hidden')) };
  await world.builds.build(
    request({ ...secrets, ssh: { has: () => Promise.resolve(true), connect: assert.fail } }),
  );
  assert.deepEqual(world.record().lacks, []);
  world.mounts = [secretMount, sshMount];
  const none = { secrets: () => Promise.resolve(undefined) };
  await world.builds.build(request(none));
  assert.deepEqual(world.record().lacks, []);
  await world.builds.build(
    request({ ...secrets, ssh: { has: () => Promise.resolve(true), connect: assert.fail } }),
  );
  assert.deepEqual(world.record().lacks, [
    'keys of an SSH agent',
    "the secret 'npm', which is not kept (berth base refresh --secret id=npm,src=FILE gives it again, as bases.secrets can)",
  ]);
  world.mounts = [secretMount];
  const secretSources = { npm: { key: 'secret/shop/npm', version: 2 } };
  await world.builds.build(request({ ...secrets, secretSources }));
  assert.deepEqual(world.record().lacks, []);
  assert.ok(!JSON.stringify(world.record()).includes('hidden'));
  await world.builds.repeat(world.record(), request({}));
  assert.equal(String(await world.asked.at(-1)?.secrets?.('npm')), 'secret/shop/npm 3');
  assert.equal(await world.asked.at(-1)?.secrets?.('other'), undefined);
});

test('a secret that a client brought is had again from who brings it, or by name where the settings allow it', async () => {
  const world = new World();
  world.mounts = [secretMount];
  const secrets = { secrets: () => Promise.resolve(Buffer.from('hidden')) };
  await world.builds.build(request(secrets));
  const given = async (): Promise<string> => String(await world.asked.at(-1)?.secrets?.('npm'));
  const find = (brought?: Map<string, Buffer>): BuildRecord | undefined =>
    world.builds.recordOf('docker.io/library/app:1', `sha256:${world.asked.length}`, brought);

  const brought = new Map([['npm', Buffer.from('brought')]]);
  assert.deepEqual(find(brought)?.lacks, []);
  await world.builds.repeat(world.record(), { ...request({}), brought });
  assert.equal(await given(), 'brought');
  assert.ok(!JSON.stringify([...world.state.collection('build-requests').entries()]).includes('brought'));

  // Whoever can send a build could read any of the machine's secrets by its name.
  world.stored.push({ noun: 'secret', app: '', name: 'npm', version: 2 });
  assert.equal(find()?.lacks.length, 1);
  await world.builds.repeat(world.record(), request({}));
  assert.equal(await given(), 'undefined');

  await world.builds.build(request(secrets));
  world.allowed.push('npm');
  assert.deepEqual(find()?.lacks, []);
  await world.builds.repeat(world.record(), request({}));
  assert.equal(await given(), 'secret//npm 2');
  world.stored.pop();
  assert.match(find()?.lacks.join() ?? '', /berth secret set npm\)$/);
});

test('a secret of the machine is given to no build that was not given one of that name', async () => {
  const world = new World();
  world.allowed.push('npm');
  world.stored.push({ noun: 'secret', app: '', name: 'npm', version: 2 });
  await world.builds.build(request({}));
  world.mounts = [secretMount];
  await world.builds.repeat(world.record(), request({}));
  assert.equal(await world.asked.at(-1)?.secrets?.('npm'), undefined);
});

test('the names of outputs count; platforms, attestations and annotations are asked for again', async () => {
  const world = new World();
  await world.builds.build(
    request({
      tags: [],
      outputs: [{ kind: 'image', names: ['app:2'], push: false }],
      platforms: ['linux/amd64', 'linux/arm64'],
      attest: { sbom: true },
      annotations: [{ level: 'index', key: 'team', value: 'web' }],
    }),
  );
  const record = world.record('docker.io/library/app:2');
  assert.deepEqual(record.lacks, []);
  await world.builds.repeat(record, request({}));
  const { platforms, attest, annotations, tags } = world.asked[1] ?? request({});
  assert.deepEqual([platforms, attest], [['linux/amd64', 'linux/arm64'], { sbom: true }]);
  assert.deepEqual(annotations, [{ level: 'index', key: 'team', value: 'web' }]);
  assert.deepEqual(tags, ['docker.io/library/app:2']);
});

test('a URL with a secret is not kept, but what came from it', async () => {
  for (const remote of ['https://me:hidden@git.example/app.git', 'ssh://me:hidden@git.example/app.git']) {
    const world = new World();
    world.received = [''];
    await world.builds.build(request({ context: { remote } }));
    await world.builds.settled();
    assert.deepEqual(world.record().context, { kept: '/folder-' });
    assert.ok(!JSON.stringify(world.record()).includes('hidden'));
  }
});

test('a build from a remote context is repeated from there', async () => {
  const world = new World();
  const context = { remote: 'https://git.example/app.git#main' };
  await world.builds.build(request({ context }));
  assert.deepEqual(world.record().lacks, []);
  await world.builds.repeat(world.record(), request({}));
  assert.deepEqual(world.asked[1]?.context, context);
});

test('an image that was named by its id is had by its name the next time', async () => {
  const world = new World();
  const id = `sha256:${'c'.repeat(64)}`;
  world.sources = [[id, image('c'.repeat(64), ['docker.io/library/other:1'])]];
  await world.builds.build(request({ contexts: { other: { image: id } } }));
  const { contexts, sources } = world.record();
  assert.deepEqual(contexts, { other: { image: 'docker.io/library/other:1' } });
  assert.deepEqual(sources, [{ name: 'docker.io/library/other:1', imageId: id }]);
  // In a Dockerfile it is meant as it stands.
  await world.builds.build(request({}));
  assert.deepEqual([world.record().sources, world.record().pinned], [[], [{ name: id, imageId: id }]]);
});
