import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { GrpcClient } from './client.ts';
import { notFound } from '#base/errors.ts';
import { framed, longestMessage, readFrames } from './frames.ts';
import { message, text } from './message.ts';
import { answering, serveGrpc, unary, type Methods } from './server.ts';
import { socketPair } from '../../../test/support/socket-pair.ts';

const Word = message({ word: text(1) });
const pair = [Word, Word] as const;
const never = new AbortController().signal;

async function connect(
  methods: Methods,
): Promise<{ client: GrpcClient; served: Promise<void>; ours: Socket }> {
  const [ours, theirs] = await socketPair();
  return { client: new GrpcClient(ours), served: serveGrpc(theirs, methods), ours };
}

test('a call is answered, and a failure says what and why', async () => {
  const { client, served } = await connect({
    '/t/Twice': unary(Word, Word, ({ word }) => Promise.resolve({ word: word + word })),
    '/t/Fail': unary(Word, Word, () => Promise.reject(notFound('gone', 'no such thing: 100 % ä'))),
  });
  assert.deepEqual(await client.unary('/t/Twice', pair, { word: 'ab' }, never), { word: 'abab' });
  await assert.rejects(client.unary('/t/Fail', pair, {}, never), {
    kind: 'not-found',
    message: 'no such thing: 100 % ä',
  });
  await assert.rejects(client.unary('/t/None', pair, {}, never), {
    kind: 'unsupported',
    message: 'unknown method None for service t',
  });
  client.close();
  await served;
});

test('many answers come at the pace of their reader', async () => {
  const { client, served } = await connect({
    '/t/Count': answering(Word, Word, async function* () {
      for (let i = 0; i < 1000; i++) yield await Promise.resolve({ word: `${i} ${'x'.repeat(1000)}` });
    }),
  });
  const exchange = client.call('/t/Count', {}, never);
  await exchange.send(Word.encode({}));
  exchange.end();
  let count = 0;
  for await (const answer of exchange.answers)
    assert.equal(Word.decode(answer).word.split(' ')[0], String(count++));
  assert.equal(count, 1000);
  client.close();
  await served;
});

test('a caller that cancels, or is gone, aborts what serves it', async () => {
  const aborted = { one: Promise.withResolvers<void>(), two: Promise.withResolvers<void>() };
  const reached = { one: Promise.withResolvers<void>(), two: Promise.withResolvers<void>() };
  const wait = (name: 'one' | 'two') =>
    unary(Word, Word, async (_request, { signal }) => {
      reached[name].resolve();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      aborted[name].resolve();
      return {};
    });
  const { client, served, ours } = await connect({ '/t/One': wait('one'), '/t/Two': wait('two') });
  const cancel = new AbortController();
  const first = assert.rejects(client.unary('/t/One', pair, {}, cancel.signal), /enough/);
  const second = assert.rejects(client.unary('/t/Two', pair, {}, never), { code: 'session-gone' });
  await Promise.all([reached.one.promise, reached.two.promise]);
  cancel.abort(new Error('enough'));
  await first;
  await aborted.one.promise;
  ours.destroy();
  await second;
  await served;
  await aborted.two.promise;
  assert.ok(client.closed.aborted);
});

test('a message longer than allowed, a compressed one and half a one are refused', async () => {
  const long = Buffer.alloc(5);
  long.writeUInt32BE(longestMessage + 1, 1);
  const cases = [
    [/more than the/, long],
    [/is compressed/, Buffer.from([1, 0, 0, 0, 0])],
    [/ended within a message/, Buffer.from([0, 0])],
  ] as const;
  for (const [what, bytes] of cases) await assert.rejects(readFrames(Readable.from([bytes])).next(), what);
});

test('messages are read however they were cut', async () => {
  const whole = Buffer.from([0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 9]);
  for (const size of [1, 2, 5, 6, 100]) {
    const cut = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    const found: string[] = [];
    for await (const each of readFrames(Readable.from(cut))) found.push(each.toString('hex'));
    assert.deepEqual(found, ['07', '', '0809']);
  }
});

test('a message in very many pieces is read, with what comes before and after it in the same ones', async () => {
  const contents = [3, 700, 0, 1000, 5].map((length, i) => Buffer.alloc(length, i + 1));
  const whole = framed(contents);
  for (const size of [1, 3, 7]) {
    const cut = Array.from({ length: Math.ceil(whole.length / size) }, (_, i) =>
      whole.subarray(i * size, (i + 1) * size),
    );
    const found: Buffer[] = [];
    for await (const each of readFrames(Readable.from(cut))) found.push(each);
    assert.deepEqual(found, contents);
  }
  const short = Array.from({ length: 500 }, (_, i) => whole.subarray(8 + i, 9 + i));
  const halved = readFrames(Readable.from(short));
  await assert.rejects(halved.next(), /ended within a message/);
});

test('garbage instead of HTTP/2 closes the connection', async () => {
  const [ours, theirs] = await socketPair();
  ours.resume();
  const served = serveGrpc(theirs, {});
  ours.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10));
  await served;
  assert.ok(theirs.destroyed);
});
