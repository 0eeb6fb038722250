import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { stdinContext } from './build-stdin.ts';

const tar = Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\0'), Buffer.alloc(2000, 7)]);

/** In small pieces, as a pipe gives them. */
function pieces(content: Buffer): Readable {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += 100) parts.push(content.subarray(at, at + 100));
  return Readable.from(parts, { objectMode: false });
}

test('an archive is told from a Dockerfile, and comes whole', async () => {
  for (const content of [tar, gzipSync(tar)]) {
    const found = await stdinContext(pieces(content));
    assert.ok('archive' in found);
    assert.deepEqual(await buffer(found.archive), content);
  }
});

test('anything else is a Dockerfile, also when there is little of it', async () => {
  const long = `FROM a\n${'# comment\n'.repeat(200)}`;
  for (const text of ['', 'FROM a\n', long])
    assert.deepEqual(await stdinContext(pieces(Buffer.from(text))), { dockerfile: text });
});
