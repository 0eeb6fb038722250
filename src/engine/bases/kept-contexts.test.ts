import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { isReader, piecesOf } from '#base/byte-reader.ts';
import { MemoryState } from '../../../test/support/image-room.ts';
import { KeptContexts, type KeptContextsOptions } from './kept-contexts.ts';

const { signal } = new AbortController();

/** Folders are their own content: `/a` holds the bytes that `files` has for it. */
class World {
  readonly files = new Map<string, Buffer>();
  readonly blobs = new Map<string, Buffer>();
  readonly state = new MemoryState();
  packed = 0;
  now = 0;
  all = 10_000;
  each = 10_000;

  open(): KeptContexts {
    return new KeptContexts({
      blobs: this.#blobs(),
      care: {
        keptBy: () => undefined,
        ingest: (work) =>
          work({ hold: () => Promise.resolve(), close: assert.fail, [Symbol.asyncDispose]: assert.fail }),
        release: (digests, forget) => {
          forget();
          for (const digest of digests) this.blobs.delete(digest);
          return Promise.resolve();
        },
      },
      trees: {
        archive: () => undefined,
        digest: ({ root }) => Promise.resolve(createHash('sha256').update(this.#of(root)).digest('hex')),
      },
      pack: (folder) => {
        this.packed++;
        return Readable.from([this.#of(folder)]);
      },
      store: this.state,
      clock: { now: () => this.now++ },
      limits: { all: () => Promise.resolve(this.all), each: this.each },
    });
  }

  #of(folder: string): Buffer {
    return this.files.get(folder) ?? Buffer.from(folder);
  }

  #blobs(): KeptContextsOptions['blobs'] {
    return {
      write: async (source) => {
        const parts: Uint8Array[] = [];
        for await (const part of isReader(source) ? piecesOf(source, 4096) : source) parts.push(part);
        const content = Buffer.concat(parts);
        const digest = `sha256:${createHash('sha256').update(content).digest('hex')}` as const;
        this.blobs.set(digest, content);
        return { digest, size: content.length };
      },
      open: (digest) => Promise.resolve(Readable.from([this.blobs.get(digest)])),
    };
  }
}

async function kept(contexts: KeptContexts, folder: string): Promise<string> {
  const keeping = await contexts.keep(folder, signal);
  assert.ok('kept' in keeping, JSON.stringify(keeping));
  return keeping.kept;
}

test('the same files are packed and kept once, also after a restart, and come out as they went in', async () => {
  const world = new World();
  world.files.set('/again', Buffer.from('/a'));
  const first = await kept(world.open(), '/a');
  const contexts = world.open();
  assert.equal(await kept(contexts, '/again'), first);
  assert.deepEqual([world.packed, contexts.list().length], [1, 1]);
  assert.equal(String(zstdDecompressSync(await buffer(await contexts.open(first)))), '/a');
});

test('what is larger than one may be is not kept, and the reason names the limit', async () => {
  const world = new World();
  world.each = 1000;
  world.files.set('/large', randomBytes(2000));
  const contexts = world.open();
  assert.deepEqual(await contexts.keep('/large', signal), {
    reason: 'packed it is larger than 1 kB (bases.max-context, bases.keep-contexts)',
  });
  assert.deepEqual([contexts.list(), world.blobs.size], [[], 0]);
});

test('above the limit of all the longest unused make room', async () => {
  const world = new World();
  world.all = 2500;
  for (const name of ['/a', '/b', '/c']) world.files.set(name, randomBytes(1000));
  const contexts = world.open();
  const [a, b] = [await kept(contexts, '/a'), await kept(contexts, '/b')];
  // Used again: the other one is the older now.
  await kept(contexts, '/a');
  const c = await kept(contexts, '/c');
  assert.deepEqual(
    [a, b, c].map((id) => contexts.has(id)),
    [true, false, true],
  );
  assert.equal(world.blobs.size, 2);
});

test('nothing is kept where the settings say so', async () => {
  const world = new World();
  world.all = 0;
  assert.match(JSON.stringify(await world.open().keep('/a', signal)), /bases\.keep-contexts = 0/);
  assert.equal(world.packed, 0);
});

test('a context that is kept no longer is told as such', async () => {
  const world = new World();
  const contexts = world.open();
  const id = await kept(contexts, '/a');
  await contexts.remove((each) => each === id);
  await assert.rejects(contexts.open(id), { code: 'build-context-gone' });
  assert.deepEqual([world.blobs.size, world.open().list()], [0, []]);
});
