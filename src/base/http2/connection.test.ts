import assert from 'node:assert/strict';
import { once } from 'node:events';
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { socketPair } from '../../../test/support/socket-pair.ts';
import { Http2Connection } from './connection.ts';
import { encodeFrame, encodeNumber, encodeSettings, frameTypes } from './frames.ts';
import type { Header } from './hpack.ts';
import type { Http2Stream, StreamListener } from './stream.ts';

const request: Header[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/echo'],
  [':authority', 'localhost'],
];

interface Heard {
  headers: Header[][];
  data: Buffer[];
  over: Promise<Error | undefined>;
  stream: () => Http2Stream;
}

function open(connection: Http2Connection, headers = request, reads = true): Heard {
  const over = Promise.withResolvers<Error | undefined>();
  const heard: Omit<Heard, 'stream'> = { headers: [], data: [], over: over.promise };
  const listener: StreamListener = {
    headers: (those) => void heard.headers.push(those),
    data: (content) => {
      heard.data.push(content);
      if (reads) stream.consumed(content.length);
    },
    ended: () => over.resolve(undefined),
    failed: (error) => over.resolve(error),
  };
  const stream = connection.open(headers, listener);
  return { ...heard, stream: () => stream };
}

/** Node's own server at the other end. */
async function nodeServer(
  serve: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<[Http2Connection, Socket]> {
  const [ours, theirs] = await socketPair();
  const session = performServerHandshake(theirs, { settings: { maxHeaderListSize: 1_000_000 } });
  session.on('stream', serve).on('error', () => undefined);
  return [new Http2Connection(ours, () => undefined), ours];
}

/** A peer that says these bytes, whatever it hears. */
async function saying(...frames: Buffer[]): Promise<[Http2Connection, Promise<Error>, Socket]> {
  const [ours, theirs] = await socketPair();
  theirs.resume();
  theirs.on('error', () => undefined);
  const closed = Promise.withResolvers<Error>();
  const connection = new Http2Connection(ours, closed.resolve);
  theirs.write(Buffer.concat(frames));
  return [connection, closed.promise, theirs];
}

test('megabytes go both ways at the pace of who reads them, beside other streams', async () => {
  const [connection] = await nodeServer((stream) => {
    stream.respond({ ':status': 200, 'x-long': 'ä~'.repeat(2000) }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', empty: '' }));
    stream.pipe(stream);
  });
  const content = Buffer.alloc(9_000_001, 'abcdefghijklm');
  const long = open(connection);
  const unread = open(connection, request, false);
  await unread.stream().write(Buffer.alloc(100));
  for (let at = 0; at < content.length; at += 700_000)
    await long.stream().write(content.subarray(at, at + 700_000));
  long.stream().end();
  assert.equal(await long.over, undefined);
  assert.ok(Buffer.concat(long.data).equals(content));
  assert.deepEqual(long.headers[0]?.[0], [':status', '200']);
  assert.equal(long.headers[0].find(([name]) => name === 'x-long')?.[1], 'ä~'.repeat(2000));
  assert.deepEqual(long.headers[1], [
    ['grpc-status', '0'],
    ['empty', ''],
  ]);
  connection.close();
  assert.match(String(await unread.over), /gone/);
});

test('a request with headers of more than a frame arrives, and one side can end a stream', async () => {
  const seen = Promise.withResolvers<string>();
  const [connection] = await nodeServer((stream) => stream.close(8));
  const failed = open(connection);
  assert.match(String(await failed.over), /HTTP\/2 error 8/);
  connection.close();
  const [other] = await nodeServer((stream, headers) => {
    seen.resolve(String(headers['x-many']));
    stream.respond({ ':status': 200 }, { endStream: true });
  });
  const many = Array.from({ length: 30 }, (_, at): Header => ['x-many', `${at}`.padEnd(1000, 'x')]);
  const answered = open(other, [...request, ...many]);
  assert.equal((await seen.promise).split(', ').length, 30);
  assert.equal(await answered.over, undefined);
  other.close();
});

const settings = encodeSettings([]);
const head = (type: number, flags: number, stream: number): Parameters<typeof encodeFrame>[0] => ({
  ...{ type, flags, stream },
});
const { data, headers, continuation, push, ping, window, goAway } = frameTypes;

for (const [what, frames] of Object.entries<Buffer[]>({
  'a frame that is too long': [Buffer.from([1, 0, 1, 0, 0, 0, 0, 0, 1])],
  'data of a stream that nobody opened': [encodeFrame(head(data, 0, 3), Buffer.from('x'))],
  'data of the connection': [encodeFrame(head(data, 0, 0), Buffer.from('x'))],
  'more data than there is room for': Array.from({ length: 300 }, () =>
    encodeFrame(head(data, 0, 1), Buffer.alloc(16_384)),
  ),
  'padding that is longer than its frame': [encodeFrame(head(data, 8, 1), Buffer.from([9, 1]))],
  'headers that never end': Array.from({ length: 20_000 }, (_, at) =>
    encodeFrame(head(at === 0 ? headers : continuation, 0, 1), Buffer.alloc(0)),
  ),
  'headers with something between them': [encodeFrame(head(headers, 0, 1), Buffer.alloc(0)), settings],
  'a rest of no headers': [encodeFrame(head(continuation, 4, 1), Buffer.alloc(0))],
  'an entry of the table that is not there': [encodeFrame(head(headers, 4, 1), Buffer.from([0xff, 0x20]))],
  'a table that is larger than allowed': [encodeFrame(head(headers, 4, 1), Buffer.from([0x3f, 0xe1, 0x1f]))],
  'a header that is cut off': [encodeFrame(head(headers, 4, 1), Buffer.from([0, 5, 65]))],
  'a number without end': [encodeFrame(head(headers, 4, 1), Buffer.alloc(9, 0xff))],
  'a Huffman code of the end': [
    encodeFrame(head(headers, 4, 1), Buffer.from([0, 0x84, 0xff, 0xff, 0xff, 0xff, 0])),
  ],
  'a push': [encodeFrame(head(push, 4, 1), Buffer.alloc(4))],
  'a ping that is cut off': [encodeFrame(head(ping, 0, 0), Buffer.alloc(7))],
  'a window widened by nothing': [encodeNumber(window, 0, 0)],
  'a window that is too wide': [encodeNumber(window, 0, 2 ** 31 - 1)],
  'settings that are cut off': [encodeFrame(head(frameTypes.settings, 0, 0), Buffer.alloc(5))],
  'a goodbye with an error': [encodeFrame(head(goAway, 0, 0), Buffer.from([0, 0, 0, 0, 0, 0, 0, 2]))],
}))
  test(`${what} closes the connection`, async () => {
    const [broken, end, peer] = await saying(settings);
    const stream = open(broken, request, false);
    peer.write(Buffer.concat(frames));
    assert.match(String(await end), /gone/);
    assert.match(String(await stream.over), /gone/);
    assert.throws(() => open(broken), /gone/);
  });

test('after a goodbye what has begun goes on, and nothing more begins', async () => {
  const begun = Promise.withResolvers<ServerHttp2Stream>();
  const [connection] = await nodeServer((stream) => {
    stream.respond({ ':status': 200 });
    stream.session?.goaway(0);
    begun.resolve(stream);
  });
  const first = open(connection);
  (await begun.promise).end('last words');
  assert.equal(await first.over, undefined);
  assert.equal(Buffer.concat(first.data).toString(), 'last words');
  assert.throws(() => open(connection), /gone/);
  connection.close();
});

test('who asks without end and does not listen is cut off', async () => {
  const [ours, theirs] = await socketPair();
  const closed = Promise.withResolvers<Error>();
  const connection = new Http2Connection(ours, closed.resolve);
  const pings = Buffer.concat(
    Array.from({ length: 10_000 }, () => encodeFrame(head(ping, 0, 0), Buffer.alloc(8))),
  );
  theirs.pause();
  theirs.on('error', () => undefined);
  theirs.write(settings);
  const flood = async (): Promise<void> => {
    while (!theirs.destroyed && !ours.destroyed) if (!theirs.write(pings)) await once(theirs, 'drain');
  };
  await Promise.race([closed.promise, flood().catch(() => undefined)]);
  assert.match(String(await closed.promise), /gone/);
  connection.close();
  theirs.destroy();
});
