import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { parseDigest } from '#domain/image/digest.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import { portOf } from '../../../test/support/registry.ts';
import { registryOptions } from '../../../test/support/registry-options.ts';
import type { RegistryOptions } from './calls.ts';
import { HttpRegistryClient } from './registry-client.ts';

// Registries that do what they should not: a pull goes on where it can, and ends with words where it cannot.

const content = Buffer.alloc(300_000, 'layer');
const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
const blob = { mediaType: mediaTypes.ociLayer, digest, size: content.length };
const { signal } = new AbortController();
const size = content.length;

async function room(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  set: Partial<RegistryOptions> = {},
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/v2/') return void response.end('{}');
    asked.push(request.headers.range ?? '');
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new HttpRegistryClient(registryOptions(set));
  t.after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  const reference = { registry: `127.0.0.1:${portOf(server)}`, repository: 'app', tag: '1' };
  return {
    ...{ client, asked, reference },
    fetch: async (offset = 0) => buffer(await client.blob(reference, blob, undefined, signal, offset)),
  };
}

/** A part as it says, and as it is. */
function part(response: ServerResponse, range: string, bytes: Buffer): void {
  response.writeHead(206, { 'content-range': range }).end(bytes);
}

test('a registry that stalls in the middle of a blob is gone on with at that byte; one that always does is given up', async (t) => {
  let isStuck = false;
  const { fetch, asked } = await room(
    t,
    ({ headers }, response) => {
      if (headers.range === undefined) response.write(content.subarray(0, 100_000));
      else if (isStuck)
        response.writeHead(206, { 'content-range': `bytes 100000-${size - 1}/${size}` }).flushHeaders();
      else part(response, `bytes 100000-${size - 1}/${size}`, content.subarray(100_000));
    },
    { stallMillis: 200 },
  );
  assert.deepEqual(await fetch(), content);
  assert.equal(asked.at(-1), 'bytes=100000-');
  isStuck = true;
  await assert.rejects(fetch(), /fetching blob sha256:.*no data for 0.2 seconds/);
});

test('where a registry sends another part than was asked for, or none, all of it is asked for', async (t) => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => part(response, `bytes 0-${size - 1}/${size}`, content),
    (response) => part(response, `bytes 1000-1999/5000`, content.subarray(1000, 2000)),
    (response) => part(response, 'bytes', content.subarray(1000)),
    (response) => void response.writeHead(206).end(content.subarray(1000)),
    (response) => void response.writeHead(416, { 'content-range': `bytes */${size}` }).end(),
  ];
  for (const answer of answers) {
    const { fetch, asked } = await room(t, ({ headers }, response) => {
      if (headers.range === undefined) response.end(content);
      else answer(response);
    });
    assert.deepEqual(await fetch(1000), content.subarray(1000));
    assert.deepEqual(asked, ['bytes=1000-', '']);
  }
  const { fetch } = await room(t, (_request, response) =>
    part(response, 'bytes 5-9/10', Buffer.from('other')),
  );
  await assert.rejects(fetch(1000), { code: 'registry-range-invalid' });
  await assert.rejects(fetch(0), { code: 'registry-range-invalid' });
});

test('a part that is the whole is taken for it, and one that is too short is completed', async (t) => {
  const { fetch, asked } = await room(t, ({ headers }, response) => {
    if (headers.range !== undefined) part(response, `bytes 5000-${size - 1}/${size}`, content.subarray(5000));
    else part(response, `bytes 0-4999/${size}`, content.subarray(0, 5000));
  });
  assert.deepEqual(await fetch(), content);
  assert.deepEqual(asked, ['', 'bytes=5000-']);
});

test('more than the manifest promises is not taken', async (t) => {
  const { fetch } = await room(t, (_request, response) => response.end(Buffer.alloc(size + 1)));
  await assert.rejects(fetch(), { code: 'blob-size-mismatch' });
});

test('redirects that lead nowhere or round and round end', async (t) => {
  const places = ['/v2/app/blobs/again', 'ftp://127.0.0.1/x', 'http://[', 'file:///etc/passwd'];
  for (const location of places) {
    const { fetch, asked } = await room(t, (_request, response) =>
      response.writeHead(307, { location }).end(),
    );
    await assert.rejects(fetch(), /stopped after 10 redirects|redirects to/, location);
    assert.ok(asked.length <= 11, `${asked.length} requests`);
  }
});

test('a manifest without end is not read to its end', async (t) => {
  let isCut = Promise.withResolvers<void>();
  const { client, reference } = await room(t, ({ url = '' }, response) => {
    response.once('close', () => isCut.resolve());
    if (url.includes('manifests')) response.setHeader('content-type', mediaTypes.ociManifest);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
    };
    response.on('drain', more);
    more();
  });
  await assert.rejects(client.manifest(reference, undefined, signal), { code: 'manifest-too-large' });
  await isCut.promise;
  isCut = Promise.withResolvers();
  await assert.rejects(client.tags(reference, undefined, signal), { code: 'registry-answer-too-large' });
  await isCut.promise;
});

test('challenges and token servers that are odd are told of in words', async (t) => {
  const cases: [challenge: string | undefined, token: string, RegExp][] = [
    [undefined, '', /no basic auth credentials/],
    ['', '', /no basic auth credentials/],
    ['Negotiate', '', /no basic auth credentials/],
    ['Bearer', '', /names no token server: ''/],
    ['Bearer realm="/token"', '', /names no token server: '\/token'/],
    ['Bearer realm="REALM"', 'no json', /did not answer in JSON/],
    ...['null', '[]', '"text"', '{}', '{"token":""}', '{"token":7}', '{"access_token":null}'].map(
      (token): [string, string, RegExp] => ['Bearer realm="REALM"', token, /gave no token/],
    ),
    // As often as it is asked for: nothing is asked for ever.
    ['Bearer realm="REALM",error="invalid_token"', '{"token":"t","expires_in":"soon"}', /pull access denied/],
  ];
  for (const [challenge, token, words] of cases) {
    const { client, reference, asked } = await room(t, ({ url = '', headers: { host } }, response) => {
      if (url.startsWith('/token')) return void response.end(token);
      const header = challenge?.replace('REALM', `http://${host ?? ''}/token`);
      if (header !== undefined) response.setHeader('www-authenticate', header);
      response.writeHead(401).end('{}');
    });
    await assert.rejects(client.manifest(reference, undefined, signal), words, `${challenge ?? ''} ${token}`);
    assert.ok(asked.length <= 3, `${asked.length} requests`);
  }
});
