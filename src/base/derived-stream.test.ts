import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { derivedStream } from './derived-stream.ts';

async function* doubled(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Buffer.concat([chunk, chunk]);
}

test('a stream that is closed before its first read takes its source along, and so does one that was read', async () => {
  for (const isRead of [false, true]) {
    const source = Readable.from([Buffer.from('ab')], { objectMode: false });
    const derived = derivedStream(source, doubled(source));
    if (isRead) assert.equal((await buffer(derived)).toString(), 'abab');
    derived.destroy();
    if (!source.closed) await once(source, 'close');
    assert.ok(source.destroyed);
  }
});

test('what is wrong with the source is wrong with the stream', async () => {
  const source = new Readable({ read: () => source.destroy(new Error('gone')) });
  await assert.rejects(buffer(derivedStream(source, doubled(source))), /gone/);
});
