import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Methods } from '#base/grpc/server.ts';
import type { FileRequest } from '#ports/build-sessions.ts';
import type { PackedFiles } from '#ports/packed-files.ts';
import { openSession, seenIn, sending } from '../../../test/support/build-session.ts';
import { fileSync, type Files } from '../../../test/support/buildkit-client.ts';
import { Packet, packetTypes, Stat } from './messages.ts';
import { GrpcBuildSessions } from './session.ts';

const { signal } = new AbortController();

const home = mkdtempSync(join(tmpdir(), 'berth-received-'));
after(() => rm(home, { recursive: true }));

const newSessions = (name: string): GrpcBuildSessions => new GrpcBuildSessions(join(home, name));

test('files, folders and links arrive with their modes and times', async () => {
  const files: Files = {
    'a.txt': 'first',
    'deep/er/b.txt': 'x'.repeat(300_000),
    'deep/link': { link: '../a.txt' },
    'deep/same': { linkname: 'a.txt' },
    empty: '',
    'ä/ö': 'umlauts',
    run: { mode: 0o755 },
  };
  await using opened = await openSession(fileSync({ context: files }), newSessions('kept'));
  const { files: count, bytes, packed } = await opened.session.receive({ name: 'context' }, { signal });
  assert.equal(count, 6);
  assert.ok(bytes > 300_012 && bytes < 301_000, String(bytes));
  const seen = seenIn(packed);
  assert.equal(seen['a.txt']?.content, 'first');
  assert.equal(seen['deep/er/b.txt']?.content, 'x'.repeat(300_000));
  assert.equal(seen['deep/link']?.entry.linkName, '../a.txt');
  assert.deepEqual([seen['deep/same']?.entry.sameAs, seen['deep/same']?.content], ['a.txt', 'first']);
  assert.deepEqual([seen['empty']?.content, seen['ä/ö']?.content], ['', 'umlauts']);
  assert.equal(seen['run']?.entry.mode, 0o755);
  assert.equal(Math.round(seen['a.txt'].entry.mtime), 1_700_000_000);
  assert.deepEqual([seen['deep']?.entry.kind, seen['deep']?.entry.mode], ['directory', 0o755]);
  await packed.release();
  assert.ok(!existsSync(packed.pack));
});

test('names of any bytes, devices, pipes and attributes arrive; sockets do not', async () => {
  const device = 2 ** 26;
  const stats = [
    { path: 'block', mode: device + 0o660, devmajor: 7, devminor: 300 },
    { path: 'c\u00e4', mode: 0o644 },
    { path: 'char', mode: device + 2 ** 21 + 0o600, devmajor: 1, devminor: 3 },
    { path: 'pipe', mode: 2 ** 25 + 0o622 },
    {
      path: 'setuid',
      mode: 2 ** 23 + 0o755,
      xattrs: { 'user.a': Buffer.from('1'), 'trusted.b': Buffer.from('2') },
    },
    { path: 'socket', mode: 2 ** 24 + 0o755 },
  ];
  await using opened = await openSession(sending(stats), newSessions('kept'));
  const { packed } = await opened.session.receive({ name: 'context' }, { signal });
  const found = packed.entries.map(({ path, kind, mode, node, xattrs }) => [
    ...[path, kind, mode, node?.type, node?.number, [...(xattrs?.keys() ?? [])].join()],
  ]);
  assert.deepEqual(found, [
    ['block', 'device', 0o660, 'block', 0x10_072c, ''],
    ['c\u00e4', 'file', 0o644, undefined, undefined, ''],
    ['char', 'device', 0o600, 'character', 0x103, ''],
    ['pipe', 'device', 0o622, 'fifo', 0, ''],
    ['setuid', 'file', 0o4755, undefined, undefined, 'user.a'],
  ]);
  const [value] = packed.entries.flatMap(({ xattrs }) => [...(xattrs?.values() ?? [])]);
  assert.deepEqual([value?.length, value?.buffer.byteLength], [1, 1], 'nothing else is kept for it');
  await packed.release();
});

test('of a file that grows or shrinks while it is sent there is what was listed, and it is sent anew next time', async () => {
  const sessions = newSessions('kept-changing');
  const big = Buffer.alloc(400_000, 'b');
  const stats = [
    { path: 'grew', mode: 0o644, size: 3, modTime: 1 },
    { path: 'grew-much', mode: 0o644, size: 200_000, modTime: 1 },
    { path: 'same', mode: 0o644, size: 4, modTime: 1 },
    { path: 'shrank', mode: 0o644, size: 10, modTime: 1 },
    { path: 'vanished', mode: 0o644, size: 10, modTime: 1 },
  ];
  const bytesOf: Record<string, Buffer[]> = {
    grew: [Buffer.from('12345')],
    'grew-much': [big.subarray(0, 100_000), big.subarray(100_000)],
    same: [Buffer.from('same')],
    shrank: [Buffer.from('1')],
  };
  const asked: string[] = [];
  const receive = async (): Promise<unknown[]> => {
    const methods = sending(stats, (path) => {
      asked.push(path);
      return bytesOf[path] ?? [];
    });
    await using opened = await openSession(methods, sessions, 'key');
    const { packed } = await opened.session.receive({ name: 'context' }, { signal });
    const seen = Object.values(seenIn(packed)).map(({ content }) => content.slice(0, 20));
    await packed.release();
    return [...seen, packed.entries[1]?.size];
  };
  const wanted = ['123', 'b'.repeat(20), 'same', '1', '', 200_000];
  assert.deepEqual(await receive(), wanted);
  assert.deepEqual(asked.splice(0), ['grew', 'grew-much', 'same', 'shrank', 'vanished']);
  assert.deepEqual(await receive(), wanted);
  assert.deepEqual(asked, ['shrank', 'vanished']);
});

test('what did not change is not sent again, to builds that run at once or for other files, nor when it moved', async () => {
  const root = join(home, 'kept-twice');
  const sessions = new GrpcBuildSessions(root);
  const receive = async (files: Files, more: Partial<FileRequest> = {}): Promise<[string[], PackedFiles]> => {
    const sent: string[] = [];
    await using opened = await openSession(fileSync({ context: files }, sent), sessions, 'key');
    const { packed } = await opened.session.receive({ name: 'context', ...more }, { signal });
    for (const [path, { content }] of Object.entries(seenIn(packed))) assert.equal(content, files[path]);
    return [sent, packed];
  };
  const [first, one] = await receive({ a: 'one', b: 'two' });
  assert.deepEqual(first, ['a', 'b']);
  assert.deepEqual(sessions.kept()[0]?.inUse, true);
  await sessions.removeKept(() => true);
  const [second, other] = await receive({ a: 'one', b: 'changed' });
  assert.deepEqual(second, ['b']);
  assert.equal(seenIn(one)['b']?.content, 'two', 'who reads it still has what came');
  assert.deepEqual((await receive({ a: 'one', b: 'changed' }, { follow: ['a'] }))[0], []);
  const [last, again] = await receive({ a: 'one', b: 'changed' });
  assert.deepEqual(last, []);
  for (const packed of [one, other, again]) await packed.release();
  await other.release();
  assert.equal(sessions.kept().length, 1);
  assert.equal((await readdir(root)).length, 1);
});

test('what is kept has bounds, is told with its size and goes on demand', async () => {
  const root = join(home, 'kept-bounds');
  const sessions = new GrpcBuildSessions(root);
  const receive = async (key: string, size: number): Promise<void> => {
    await using opened = await openSession(fileSync({ context: { a: 'x'.repeat(size) } }), sessions, key);
    const { packed } = await opened.session.receive({ name: 'context' }, { signal });
    await packed.release();
  };
  await receive('', 10);
  assert.deepEqual([sessions.kept(), await readdir(root)], [[], []]);
  const sizes = async (size: number): Promise<number[]> => {
    await receive('changing', size);
    return sessions.kept().map((kept) => kept.size);
  };
  assert.deepEqual(await sizes(8_000_000), [8_000_000]);
  assert.deepEqual(await sizes(8_000_001), [16_000_001]);
  await sizes(8_000_002);
  await sizes(8_000_003);
  assert.deepEqual(await sizes(8_000_004), [], 'what is mostly of no use any more goes');
  for (let key = 0; key < 20; key++) await receive(String(key), 5);
  assert.deepEqual(
    new Set(sessions.kept().map(({ size, inUse }) => [size, inUse].join())),
    new Set(['5,false']),
  );
  assert.deepEqual([sessions.kept().length, (await readdir(root)).length], [16, 16]);
  const [kept] = sessions.kept();
  await sessions.removeKept((id) => id === kept?.id);
  assert.equal(sessions.kept().length, 15);
  await sessions.removeKept(() => true);
  assert.deepEqual([sessions.kept(), await readdir(root)], [[], []]);
});

test('a path that leads out of the folder, or through a link, is refused and nothing stays', async () => {
  const root = join(home, 'kept-refused');
  const sessions = new GrpcBuildSessions(root);
  const stats = {
    'a parent': [{ path: '../victim', mode: 0o644 }],
    'a folder that is a parent': [{ path: '..', mode: 2 ** 31 + 0o755 }],
    'an absolute one': [{ path: '/etc/berth-was-here', mode: 0o644 }],
    'one right below the root': [{ path: '/x', mode: 0o644 }],
    'a link as a folder': [
      { path: 'l', mode: 2 ** 27 + 0o777, linkname: '/tmp' },
      { path: 'l/f', mode: 0o644 },
    ],
    'a file as a folder': [
      { path: 'f', mode: 0o644 },
      { path: 'f/f', mode: 0o644 },
    ],
    'a folder that was not sent': [{ path: 'x/y', mode: 0o644 }],
    'a name twice': [
      { path: 'x', mode: 0o644 },
      { path: 'x', mode: 0o644 },
    ],
    'two slashes': [
      { path: 'd', mode: 2 ** 31 + 0o755 },
      { path: 'd//f', mode: 0o644 },
    ],
    'a dot': [{ path: './f', mode: 0o644 }],
    'a hard link outside': [{ path: 'h', mode: 0o644, linkname: '../victim' }],
    'a hard link to a link': [
      { path: 'a', mode: 2 ** 27 + 0o777, linkname: '/etc/passwd' },
      { path: 'h', mode: 0o644, linkname: 'a' },
    ],
    'an empty name': [{ path: '', mode: 0o644 }],
    'a zero byte': [{ path: 'a\0b', mode: 0o644 }],
    'a long name': [{ path: 'x'.repeat(256), mode: 0o644 }],
    'a negative size': [{ path: 'f', mode: 0o644, size: -9 }],
    'a link to a long path': [{ path: 'l', mode: 2 ** 27 + 0o777, linkname: 'x'.repeat(5000) }],
    'large attributes': [{ path: 'f', mode: 0o644, xattrs: { 'user.a': Buffer.alloc(70_000) } }],
    'a long path': [{ path: `${'d/'.repeat(2100)}f`, mode: 0o644 }],
  };
  for (const [what, packets] of Object.entries(stats)) {
    await using opened = await openSession(sending(packets), sessions, 'key');
    await assert.rejects(
      opened.session.receive({ name: 'context' }, { signal }),
      { code: 'context-invalid' },
      what,
    );
  }
  const unasked: Methods = {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* () {
      yield await Promise.resolve(Packet.encode({ type: packetTypes.data, id: 7, data: Buffer.from('x') }));
    },
  };
  const early: Methods = {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* () {
      // The first fill what may be asked for at once.
      for (let id = 0; id < 600; id++)
        yield Packet.encode({
          type: packetTypes.stat,
          stat: Stat.of({ path: `f${id}`, mode: 0o644, size: 9 }),
        });
      yield await Promise.resolve(Packet.encode({ type: packetTypes.data, id: 599, data: Buffer.from('x') }));
    },
  };
  for (const methods of [unasked, early]) {
    await using opened = await openSession(methods, sessions, 'key');
    await assert.rejects(opened.session.receive({ name: 'context' }, { signal }), /not asked for/);
  }
  assert.deepEqual(
    sessions.kept().map(({ size, inUse }) => [size, inUse]),
    [[0, false]],
  );
});

test('a client that vanishes in the middle is an error, and nothing stays open', async () => {
  const root = join(home, 'kept-vanished');
  const sessions = new GrpcBuildSessions(root);
  const methods: Methods = {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests) {
      yield Packet.encode({ type: packetTypes.stat, stat: Stat.of({ path: 'f', mode: 0o644, size: 9 }) });
      await requests[Symbol.asyncIterator]().next();
      yield Packet.encode({ type: packetTypes.data, data: Buffer.from('half') });
      opened.client.destroy();
    },
  };
  const opened = await openSession(methods, sessions);
  await assert.rejects(opened.session.receive({ name: 'context' }, { signal }), { code: 'session-gone' });
  assert.ok(opened.session.closed.aborted);
  assert.deepEqual(await readdir(root), []);
  const descriptors = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  assert.deepEqual(
    descriptors.filter((path) => path.startsWith(root)),
    [],
  );
  await opened[Symbol.asyncDispose]();
});
