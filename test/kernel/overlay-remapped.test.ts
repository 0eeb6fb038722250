import assert from 'node:assert/strict';
import { lstat, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { piecesOf } from '#base/byte-reader.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { bindAsContainersSee } from '#adapters/user-namespace/user-namespace.ts';
import { TarParser } from '#domain/archive/tar-parser.ts';
import { chain, layerOf, snapshotterContract, unpack } from '../contract/snapshotter.ts';

const mappings = {
  uids: [
    { containerID: 0, hostID: 300_000, size: 1000 },
    { containerID: 1000, hostID: 500_000, size: 1000 },
  ],
  gids: [{ containerID: 0, hostID: 400_000, size: 2000 }],
};
const remapping = {
  mappings,
  bindAsContainersSee: (source: string, target: string) => bindAsContainersSee(source, target, mappings),
};

interface Fixture extends AsyncDisposable {
  root: string;
  snapshotter: OverlaySnapshotter;
}

async function make(): Promise<Fixture> {
  const root = await mkdtemp('/var/tmp/berth-overlay-');
  const snapshotter = await OverlaySnapshotter.open(root, remapping);
  return {
    root,
    snapshotter,
    [Symbol.asyncDispose]: async () => {
      for (const key of await snapshotter.listActive()) await snapshotter.remove(key);
      await snapshotter.close();
      await rm(root, { recursive: true });
      assert.ok(!(await readFile('/proc/self/mountinfo', 'utf8')).includes(root), 'mounts are left');
    },
  };
}

// By the containers' ids everything is as if nothing were remapped.
snapshotterContract('overlayfs with remapped ids', async () => {
  const fixture = await make();
  const { snapshotter } = fixture;
  const mount = snapshotter.mount.bind(snapshotter);
  snapshotter.mount = (key) => mount(key, 'container');
  return fixture;
});

async function ownersIn(tar: Buffer): Promise<Record<string, string>> {
  const owners: Record<string, string> = {};
  const parser = new TarParser({
    entry: ({ name, uid, gid }) => (owners[name] = `${uid}:${gid}`),
    data: () => undefined,
    end: () => undefined,
  });
  parser.push(tar);
  parser.end();
  return Promise.resolve(owners);
}

async function owner(path: string): Promise<string> {
  const { uid, gid } = await lstat(path);
  return `${uid}:${gid}`;
}

test("files carry the host's ids on disk and in what a container gets, the container's ids everywhere else", async () => {
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  const layer = layerOf([
    ['f', 'file', { content: 'f' }],
    ['user', 'file', { uid: 1001, gid: 5 }],
  ]);
  await unpack(snapshotter, 'a', '', layer);
  const onDisk = join(root, 'snapshots/committed', chain('a').slice('sha256:'.length), 'fs');
  assert.equal(await owner(join(onDisk, 'f')), '300000:400000');
  assert.equal(await owner(join(onDisk, 'user')), '500001:400005');
  await snapshotter.view(chain('a'), async (seen) => assert.equal(await owner(join(seen, 'user')), '1001:5'));

  await snapshotter.create('c', chain('a'));
  const forContainer = await snapshotter.mount('c');
  assert.equal(await owner(forContainer), '300000:400000');
  assert.equal(await owner(join(forContainer, 'user')), '500001:400005');
  await snapshotter.create('d', chain('a'));
  const forDaemon = await snapshotter.mount('d', 'container');
  assert.equal(await owner(join(forDaemon, 'user')), '1001:5');
  await writeFile(join(forDaemon, 'made'), 'by the daemon');
  await writeFile(join(forDaemon, 'user'), 'copied up');
  assert.equal(await owner(join(root, 'snapshots/active/d/upper/made')), '300000:400000');
  assert.equal(await owner(join(root, 'snapshots/active/d/upper/user')), '500001:400005');
  assert.deepEqual(await ownersIn(await buffer(piecesOf(snapshotter.diff('d'), 4096))), {
    made: '0:0',
    user: '1001:5',
  });
});

test("what is the host's root's own in a container's files can be packed and removed", async () => {
  await using fixture = await make();
  const { root, snapshotter } = fixture;
  await snapshotter.create('c', '');
  // As a container in the host's user namespace does it.
  await writeFile(join(await snapshotter.mount('c'), 'private'), 'p', { mode: 0o600 });
  assert.deepEqual(await snapshotter.changes('c'), [{ path: '/private', kind: 'added' }]);
  assert.deepEqual(await ownersIn(await buffer(piecesOf(snapshotter.diff('c'), 4096))), {
    private: '65534:65534',
  });
  await snapshotter.remove('c');
  await snapshotter.close();
  await assert.rejects(stat(join(root, 'snapshots/active/c')), { code: 'ENOENT' });
});

test('an owner without an id on the host is refused by name, and nothing of its layer is left', async () => {
  await using fixture = await make();
  const { snapshotter } = fixture;
  const layer = layerOf([['f', 'file', { uid: 2000 }]]);
  await assert.rejects(unpack(snapshotter, 'a', '', layer), {
    code: 'id-unmapped',
    message: 'container ID 2000 cannot be mapped to a host ID',
  });
  assert.deepEqual(await snapshotter.listCommitted(), []);
});

test('the next start sets up anew what a killed one left', async () => {
  await using fixture = await make();
  const again = await OverlaySnapshotter.open(fixture.root, remapping);
  await unpack(again, 'a', '', layerOf([['f', 'file', { uid: 7 }]]));
  await again.view(chain('a'), async (seen) => assert.equal(await owner(join(seen, 'f')), '7:0'));
});
