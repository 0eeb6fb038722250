import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Methods } from '#base/grpc/server.ts';
import { openSession, seenIn } from '../../../test/support/build-session.ts';
import { fileSync } from '../../../test/support/buildkit-client.ts';
import { GrpcBuildSessions } from './session.ts';

const { signal } = new AbortController();

const home = mkdtempSync(join(tmpdir(), 'berth-wire-'));
after(() => rm(home, { recursive: true }));

/** What fsutil of BuildKit 0.23 sends of a folder (Go's wire bytes), by the numbers of the files whose bytes it is asked for. */
const fixture = {
  stats: [
    '12150a04636166e910a403280130959a97ece39fe7cb17',
    '12150a0364697210ed8380800830959a97ece39fe7cb17',
    '12190a086469722f66696c6510a403280830959a97ece39fe7cb17',
    '12230a086469722f6861726410a403280830959a97ece39fe7cb173a086469722f66696c65',
    '12210a086469722f6c696e6b10ff838040280430959a97ece39fe7cb173a042e2e2f78',
    '12140a05656d70747910a40330959a97ece39fe7cb17',
    '12190a046e756c6c10a483802130959a97ece39fe7cb1740014803',
    '12150a047069706510a483801030959a97ece39fe7cb17',
    '12280a0673657475696410c90318052006280130959a97ece39fe7cb17520b0a06757365722e61120162',
    '12180a06737469636b7910ff83c0800830959a97ece39fe7cb17',
    '',
  ],
  data: {
    '0801': ['080222017a', '0802'],
    '08011802': ['080218022208636f6e74656e740a', '08021802'],
    '08011808': ['08021808220173', '08021808'],
    '0803': ['0803'],
  },
};

test("the bytes of BuildKit's own sender are read, and the answers are those that it knows", async () => {
  const said: string[] = [];
  const answers: Record<string, string[]> = fixture.data;
  const methods: Methods = {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests) {
      for (const each of fixture.stats) yield Buffer.from(each, 'hex');
      for await (const request of requests) {
        const hex = Buffer.from(request).toString('hex');
        said.push(hex);
        for (const each of answers[hex] ?? []) yield Buffer.from(each, 'hex');
        if (hex === '0803') return;
      }
    },
  };
  await using opened = await openSession(methods, new GrpcBuildSessions(join(home, 'kept')));
  const { packed } = await opened.session.receive({ name: 'context' }, { signal });
  assert.deepEqual(said, Object.keys(fixture.data));
  const read = await readFile(packed.pack);
  const shown = packed.entries.map(({ path, kind, mode, uid, gid, size, offset, ...more }) =>
    [
      ...[path, kind, mode.toString(8), uid, gid, read.subarray(offset, offset + size).toString()],
      ...[more.linkName, more.sameAs, more.node?.type, more.node?.number, ...(more.xattrs?.keys() ?? [])],
    ].join(' '),
  );
  assert.deepEqual(shown, [
    'caf\u00e9 file 644 0 0 z    ',
    'dir directory 755 0 0     ',
    'dir/file file 644 0 0 content\n    ',
    'dir/hard file 644 0 0 content\n  dir/file  ',
    'dir/link symlink 777 0 0  ../x   ',
    'empty file 644 0 0     ',
    'null device 644 0 0    character 259',
    'pipe device 644 0 0    fifo 0',
    'setuid file 711 5 6 s     user.a',
    'sticky directory 1777 0 0     ',
  ]);
  assert.deepEqual(
    new Set(packed.entries.map(({ mtime }) => mtime.toFixed(6))),
    new Set(['1700000000.123457']),
  );
  await packed.release();
});

test('far more files than are asked for at once arrive, and are not asked for again', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 3000 }, (_, at) => [`d${at % 7}/f${at}`, `${at}`.repeat((at % 50) + 1)]),
  );
  const sessions = new GrpcBuildSessions(join(home, 'many'));
  for (const expected of [3000, 0]) {
    const sent: string[] = [];
    await using opened = await openSession(fileSync({ context: files }, sent), sessions, 'key');
    const { packed, files: count } = await opened.session.receive({ name: 'context' }, { signal });
    assert.deepEqual([count, sent.length], [3000, expected]);
    const seen = seenIn(packed);
    for (const [path, content] of Object.entries(files)) assert.equal(seen[path]?.content, content);
    await packed.release();
  }
});
