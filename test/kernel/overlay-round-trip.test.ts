import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { piecesOf } from '#base/byte-reader.ts';
import { getXattr, listXattrs, makeDevice, mknod, setXattr } from '#adapters/linux/libc.ts';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import { chain, digestOf, unpack } from '../contract/snapshotter.ts';

// A random tree is changed at random in a mounted snapshot; the diff, unpacked on the same parent, has to
// show the same tree.

type Step =
  | { do: 'file'; path: string; content: Uint8Array; mode: number; owner: number; note: Uint8Array }
  | { do: 'folder'; path: string; mode: number }
  | { do: 'symlink'; path: string; target: string }
  | { do: 'link'; path: string; target: string }
  | { do: 'node'; path: string; kind: number; device: number }
  | { do: 'remove'; path: string };

// Few names, so that steps meet each other's files.
const name = fc.constantFrom('a', 'b', 'c', 'ż', 'x'.repeat(110));
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o4755, 0o2711, 0o1777);
const small = fc.uint8Array({ maxLength: 40 });

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('file' as const),
    path,
    mode,
    content: fc.uint8Array({ maxLength: 700 }),
    owner: fc.constantFrom(0, 1000, 3_000_000),
    note: small,
  }),
  fc.record({ do: fc.constant('folder' as const), path, mode }),
  fc.record({ do: fc.constant('symlink' as const), path, target: fc.constantFrom('a', '/etc', '../../b') }),
  fc.record({ do: fc.constant('link' as const), path, target: path }),
  fc.record({
    do: fc.constant('node' as const),
    path,
    kind: fc.constantFrom(0o020000, 0o060000, 0o010000),
    device: fc.constant(makeDevice(7, 300)),
  }),
  fc.record({ do: fc.constant('remove' as const), path }),
);

/** What cannot be done where the tree stands (a folder below a file ...) is left out. */
function apply(root: string, steps: Step[]): void {
  for (const [i, one] of steps.entries())
    try {
      act(root, one);
      lutimesSync(join(root, one.path), 1000 + i, 1_500_000_000 + i);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (
        !['ENOENT', 'ENOTDIR', 'EEXIST', 'EISDIR', 'EPERM', 'ELOOP', 'ENXIO', 'ERR_FS_EISDIR'].includes(code)
      )
        throw error;
    }
}

function act(root: string, one: Step): void {
  const at = join(root, one.path);
  // Never through a symbolic link, which may lead out of the root.
  for (let parent = join(at, '..'); parent.length > root.length; parent = join(parent, '..'))
    if (lstatSync(parent).isSymbolicLink()) return;
  switch (one.do) {
    case 'file':
      rmSync(at, { force: true });
      writeFileSync(at, one.content);
      lchownSync(at, one.owner, one.owner);
      chmodSync(at, one.mode);
      setXattr(at, 'user.note', one.note);
      return;
    case 'folder':
      mkdirSync(at);
      chmodSync(at, one.mode);
      return;
    case 'symlink':
      symlinkSync(one.target, at);
      return;
    case 'link':
      if (lstatSync(join(root, one.target)).isFile()) linkSync(join(root, one.target), at);
      return;
    case 'node':
      mknod(at, one.kind | 0o640, one.device);
      return;
    case 'remove':
      rmSync(at, { recursive: true });
  }
}

/** Everything about a tree that a layer keeps; files with several names by their first. */
function describe(root: string): Record<string, unknown> {
  const seen: Record<string, unknown> = {};
  const firsts = new Map<number, string>();
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    const at = join(root, entry);
    const stat = lstatSync(at);
    const first = stat.isDirectory() || stat.nlink < 2 ? undefined : (firsts.get(stat.ino) ?? entry);
    if (first !== undefined) firsts.set(stat.ino, first);
    seen[entry] = {
      mode: stat.mode,
      owner: [stat.uid, stat.gid],
      time: Math.floor(stat.mtimeMs / 1000),
      device: stat.isCharacterDevice() || stat.isBlockDevice() ? stat.rdev : 0,
      first,
      content: stat.isFile() ? createHash('sha256').update(readFileSync(at)).digest('hex') : '',
      target: stat.isSymbolicLink() ? readlinkSync(at) : '',
      xattrs: listXattrs(at)
        .filter((attribute) => !attribute.startsWith('trusted.overlay.'))
        .map((attribute) => [attribute, getXattr(at, attribute)?.toString('hex')]),
    };
  }
  return seen;
}

test('a tree, changed at random, comes back from its diff with modes, owners, links, devices and deletions', async () => {
  const root = await mkdtemp(join(tmpdir(), 'berth-trip-'));
  const snapshotter = await OverlaySnapshotter.open(root);
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.array(step, { minLength: 1, maxLength: 25 }),
        async (before, after) => {
          const id = `run${run++}`;
          await snapshotter.create(`${id}-base`, '');
          apply(await snapshotter.mount(`${id}-base`), before);
          await snapshotter.commit(`${id}-base`, chain(`${id}-base`));
          await snapshotter.create(id, chain(`${id}-base`));
          const mounted = await snapshotter.mount(id);
          apply(mounted, after);
          const wanted = describe(mounted);
          const layer = await buffer(piecesOf(snapshotter.diff(id), 4096));
          await unpack(snapshotter, `${id}-top`, `${id}-base`, layer, digestOf(layer));
          const got = await snapshotter.view(chain(`${id}-top`), (view) => Promise.resolve(describe(view)));
          assert.deepEqual(got, wanted);
          await snapshotter.commit(id, chain(id));
          const committed = await snapshotter.view(chain(id), (view) => Promise.resolve(describe(view)));
          assert.deepEqual(committed, wanted);
        },
      ),
      { numRuns: 25 },
    );
  } finally {
    for (const key of await snapshotter.listActive()) await snapshotter.remove(key);
    await snapshotter.close();
    await rm(root, { recursive: true });
  }
});
