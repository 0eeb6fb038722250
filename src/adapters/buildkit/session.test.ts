import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { BuildSession } from '#ports/build-sessions.ts';
import { notFound } from '#base/errors.ts';
import { serveGrpc, unary, type Methods } from '#base/grpc/server.ts';
import { fileSync, type Files } from '../../../test/support/buildkit-client.ts';
import { kindOf } from './file-mode.ts';
import { Packet, packetTypes, SecretRequest, SecretResponse, Stat } from './messages.ts';
import { GrpcBuildSessions } from './session.ts';
import { socketPair } from '../../../test/support/socket-pair.ts';

const { signal } = new AbortController();

const home = mkdtempSync(join(tmpdir(), 'berth-buildkit-'));
after(() => rm(home, { recursive: true }));

interface Opened extends AsyncDisposable {
  session: BuildSession;
  client: Socket;
}

async function open(
  methods: Methods,
  sessions = new GrpcBuildSessions(join(home, 'kept')),
  sharedKey = '',
): Promise<Opened> {
  const [ours, client] = await socketPair();
  const served = serveGrpc(client, methods);
  const session = sessions.open(ours, { id: 'one', sharedKey, methods: Object.keys(methods) });
  return {
    session,
    client,
    [Symbol.asyncDispose]: async () => {
      session.close();
      await served;
    },
  };
}

const folder = (): Promise<string> => mkdtemp(join(home, 'into-'));

test('files, folders and links arrive with their modes and times', async () => {
  const files: Files = {
    'a.txt': 'first',
    'deep/er/b.txt': 'x'.repeat(100_000),
    'deep/link': { link: '../a.txt' },
    'deep/same': { linkname: 'a.txt' },
    empty: '',
    'ä/ö': 'umlauts',
    run: { mode: 0o755 },
  };
  await using opened = await open(fileSync({ context: files }));
  const into = await folder();
  const { files: count, bytes } = await opened.session.receive({ name: 'context' }, into, { signal });
  assert.deepEqual([count, bytes], [5, 5 + 100_000 + 7]);
  assert.equal(await readFile(join(into, 'a.txt'), 'utf8'), 'first');
  assert.equal((await readFile(join(into, 'deep/er/b.txt'))).length, 100_000);
  assert.equal(await readlink(join(into, 'deep/link')), '../a.txt');
  assert.equal((await stat(join(into, 'deep/same'))).nlink, 2);
  assert.equal(await readFile(join(into, 'ä/ö'), 'utf8'), 'umlauts');
  assert.equal((await stat(join(into, 'run'))).mode & 0o777, 0o755);
  assert.equal(Math.round((await stat(join(into, 'a.txt'))).mtimeMs), 1_700_000_000_000);
});

test('what did not change is not sent again, also when a build has removed its folder', async () => {
  const sessions = new GrpcBuildSessions(join(home, 'kept-twice'));
  const receive = async (files: Files): Promise<string[]> => {
    const sent: string[] = [];
    await using opened = await open(fileSync({ context: files }, sent), sessions, 'key');
    const into = await folder();
    await opened.session.receive({ name: 'context' }, into, { signal });
    const [name, content] = Object.entries(files)[0] ?? [];
    assert.equal(await readFile(join(into, name ?? ''), 'utf8'), content);
    await rm(into, { recursive: true });
    return sent;
  };
  assert.deepEqual(await receive({ a: 'one', b: 'two' }), ['a', 'b']);
  assert.deepEqual(await receive({ a: 'one', b: 'changed' }), ['b']);
  assert.deepEqual(await receive({ a: 'one' }), []);
  assert.deepEqual(await readdir(join(home, 'kept-twice/0')), ['0']);
});

test('a path that leads out of the folder, or through a link, is refused and nothing is written', async () => {
  const outside = join(home, 'outside');
  await mkdir(outside);
  await writeFile(join(home, 'victim'), 'safe');
  const stats = {
    'a parent': [{ path: '../victim', mode: 0o644 }],
    'an absolute one': [{ path: '/etc/berth-was-here', mode: 0o644 }],
    'a link as a folder': [
      { path: 'l', mode: 2 ** 27 + 0o777, linkname: outside },
      { path: 'l/f', mode: 0o644 },
    ],
    'a folder that was not sent': [{ path: 'x/y', mode: 0o644 }],
    'a name twice': [
      { path: 'x', mode: 0o644 },
      { path: 'x', mode: 0o644 },
    ],
    'a hard link outside': [{ path: 'h', mode: 0o644, linkname: '../victim' }],
    'an empty name': [{ path: '', mode: 0o644 }],
    'a zero byte': [{ path: 'a\0b', mode: 0o644 }],
  };
  for (const [what, packets] of Object.entries(stats)) {
    const methods: Methods = {
      '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests) {
        for (const each of packets) yield Packet.encode({ type: packetTypes.stat, stat: Stat.of(each) });
        yield Packet.encode({ type: packetTypes.stat });
        for await (const bytes of requests) {
          const { type, id } = Packet.decode(bytes);
          if (type === packetTypes.request)
            yield Packet.encode({ type: packetTypes.data, id, data: Buffer.from('bad') });
        }
      },
    };
    await using opened = await open(methods);
    const into = await folder();
    await assert.rejects(
      opened.session.receive({ name: 'context' }, into, { signal }),
      { code: 'context-invalid' },
      what,
    );
  }
  assert.deepEqual(await readdir(outside), []);
  assert.equal(await readFile(join(home, 'victim'), 'utf8'), 'safe');
});

test('a client that vanishes in the middle is an error, and no file stays open', async () => {
  const methods: Methods = {
    '/moby.filesync.v1.FileSync/DiffCopy': async function* (requests) {
      yield Packet.encode({ type: packetTypes.stat, stat: Stat.of({ path: 'f', mode: 0o644 }) });
      await requests[Symbol.asyncIterator]().next();
      yield Packet.encode({ type: packetTypes.data, data: Buffer.from('half') });
      opened.client.destroy();
    },
  };
  const opened = await open(methods);
  const into = await folder();
  await assert.rejects(opened.session.receive({ name: 'context' }, into, { signal }), {
    code: 'session-gone',
  });
  assert.ok(opened.session.closed.aborted);
  const descriptors = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  assert.deepEqual(
    descriptors.filter((path) => path.startsWith(into)),
    [],
  );
  await opened[Symbol.asyncDispose]();
});

test('secrets come from the client; one that it has not is undefined', async () => {
  await using opened = await open({
    '/moby.buildkit.secrets.v1.Secrets/GetSecret': unary(SecretRequest, SecretResponse, ({ id }) =>
      id === 'known'
        ? Promise.resolve({ data: Buffer.from('text') })
        : Promise.reject(notFound('secret', `secret ${id} not found`)),
    ),
  });
  assert.equal((await opened.session.secret('known', signal))?.toString(), 'text');
  assert.equal(await opened.session.secret('other', signal), undefined);
  assert.equal(await opened.session.hasAgent('default', signal), false);
  assert.equal(await opened.session.credentials('docker.io', signal), undefined);
});

test("kinds of files are those of Go's modes", () => {
  assert.deepEqual(
    [0o644, 2 ** 31 + 0o755, 2 ** 27 + 0o777, 2 ** 26, 2 ** 25, 2 ** 24, 2 ** 23 + 0o755].map(kindOf),
    ['file', 'directory', 'symlink', 'other', 'other', 'other', 'file'],
  );
});
