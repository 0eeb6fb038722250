import assert from 'node:assert/strict';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { OverlaySnapshotter } from '#adapters/overlay/overlay-snapshotter.ts';
import type { TarType } from '#domain/archive/tar-entry.ts';
import { chain, layerOf } from '../contract/snapshotter.ts';

// Layers put together from everything that has ever led an unpacker astray.

const piece = fc.constantFrom(
  '..',
  '.',
  '',
  'a',
  'b',
  'link',
  '.wh.a',
  '.wh..wh..opq',
  '.wh...',
  'outside',
  'victim',
);
const path = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
/** A member; links may aim at a folder beside the store. */
function memberAimingAt(
  outside: string,
): fc.Arbitrary<[string, TarType, { linkName: string; mtime: number; content: string }]> {
  return fc.tuple(
    path,
    fc.constantFrom<TarType>('file', 'file', 'hard-link', 'symlink', 'symlink', 'directory', 'fifo'),
    fc.record({
      linkName: fc.oneof(
        path,
        fc.constantFrom('/', '/../../outside', '../../../../outside', '../../../../outside/victim', outside),
      ),
      mtime: fc.constantFrom(0, 1_234_567),
      content: fc.constantFrom('', 'evil'),
    }),
  );
}

test('no layer writes outside its folder, and one that is refused leaves nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-fuzz-'));
  const outside = join(folder, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'victim'), 'untouched');
  const before = await lstat(outside);
  const snapshotter = await OverlaySnapshotter.open(join(folder, 'store'));
  let accepted = 0;
  let count = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(memberAimingAt(outside), { minLength: 1, maxLength: 8 }), async (members) => {
        const id = chain(`layer ${count++}`);
        const layer = layerOf(
          members.map(([name, type, { linkName, content, mtime }]) => [
            name,
            type,
            { linkName, mtime, content: type === 'file' ? content : '' },
          ]),
        );
        const refusal = await snapshotter.unpack(id, '', Readable.from([layer])).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (refusal === undefined) accepted++;
        else assert.ok(refusal instanceof Error && 'kind' in refusal, JSON.stringify(refusal));
        assert.equal(await snapshotter.isCommitted(id), refusal === undefined);
        assert.deepEqual(await readdir(join(folder, 'store/snapshots/temporary')), []);
        assert.deepEqual(await readdir(outside), ['victim']);
        assert.equal(await readFile(join(outside, 'victim'), 'utf8'), 'untouched');
        const after = await lstat(outside);
        assert.deepEqual([after.mtimeMs, after.mode], [before.mtimeMs, before.mode]);
        assert.deepEqual((await readdir(folder)).sort(), ['outside', 'store']);
      }),
      { numRuns: 200 },
    );
    assert.ok(accepted > 20, `only ${accepted} layers were good: the test tests nothing`);
  } finally {
    await snapshotter.close();
    await rm(folder, { recursive: true });
  }
});
