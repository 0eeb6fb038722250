import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { mediaTypes } from '#domain/image/manifest.ts';
import { parseDigest } from '#domain/image/digest.ts';
import type { Reference } from '#domain/image/reference.ts';
import { makeCertificates } from '../../../test/support/certificates.ts';
import { listen, portOf, type Answer } from '../../../test/support/registry.ts';
import { registryOptions } from '../../../test/support/registry-options.ts';
import { parseChallenges } from './challenge.ts';
import { HttpRegistryClient } from './registry-client.ts';

const content = Buffer.alloc(300_000, 'layer');
const digest = parseDigest(`sha256:${createHash('sha256').update(content).digest('hex')}`);
const blob = { mediaType: mediaTypes.ociLayer, digest, size: content.length };
const signal = new AbortController().signal;

function client(t: TestContext, now: () => number = () => Date.now()): HttpRegistryClient {
  const made = new HttpRegistryClient(registryOptions({ now }));
  t.after(() => made.close());
  return made;
}

function closing(t: TestContext, server: Server): Server {
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

async function serve(
  t: TestContext,
  answer: (request: IncomingMessage) => Answer | 'cut',
): Promise<{ server: Server; reference: Reference }> {
  const server = closing(t, await listen(answer));
  return { server, reference: { registry: `127.0.0.1:${portOf(server)}`, repository: 'app', tag: '1' } };
}

test('a transfer that breaks goes on where it stopped', async (t) => {
  const ranges: (string | undefined)[] = [];
  const server = closing(
    t,
    createServer((request, response) => {
      if (!(request.url ?? '').includes('/blobs/')) {
        response.end('{}');
        return;
      }
      ranges.push(request.headers.range);
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start === 0 ? 200 : 206, {
        'content-length': content.length - start,
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      });
      if (ranges.length === 3) response.end(content.subarray(start));
      else response.write(content.subarray(start, start + 100_000), () => request.socket.destroySoon());
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reference = { registry: `127.0.0.1:${portOf(server)}`, repository: 'app' };
  const got = await buffer(await client(t).blob(reference, blob, undefined, signal));
  assert.ok(got.equals(content));
  assert.equal(ranges.length, 3);
  assert.match(ranges[1] ?? '', /^bytes=\d+-$/);
});

test('a transfer that nobody begins to read lets its connection go', async (t) => {
  let left = Promise.withResolvers<void>();
  const server = closing(
    t,
    createServer((request, response) => {
      if (!(request.url ?? '').includes('/blobs/')) {
        response.end('{}');
        return;
      }
      response.once('close', () => left.resolve());
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reference = { registry: `127.0.0.1:${portOf(server)}`, repository: 'app' };
  for (const offset of [0, 10]) {
    left = Promise.withResolvers();
    const transfer = await client(t).blob(reference, blob, undefined, signal, offset);
    transfer.destroy();
    await left.promise;
  }
});

test('a registry that ignores ranges is read again from the start, without bytes doubled', async (t) => {
  const { reference } = await serve(t, () => ({ status: 200, body: content }));
  const rest = await buffer(await client(t).blob(reference, blob, undefined, signal, 1000));
  assert.ok(rest.equals(content.subarray(1000)));
});

test('a redirect to another host is followed without the credentials', async (t) => {
  const seen: (string | undefined)[] = [];
  const store = closing(
    t,
    await listen((request) => {
      seen.push(request.headers.authorization);
      return { status: 200, body: content };
    }),
  );
  const { reference } = await serve(t, (request) => {
    if (request.headers.authorization === undefined)
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' }, body: {} };
    return { status: 307, headers: { location: `http://127.0.0.1:${portOf(store)}/data` }, body: {} };
  });
  const auth = { username: 'u', password: 'p' };
  assert.ok((await buffer(await client(t).blob(reference, blob, auth, signal))).equals(content));
  assert.deepEqual(seen, [undefined]);
});

test('a registry that is overloaded or drops the connection is asked again, not for ever', async (t) => {
  let asked = 0;
  const body = Buffer.from('{"schemaVersion":2}');
  const { reference } = await serve(t, (request) => {
    if (!(request.url ?? '').includes('manifests')) return { status: 200, body: {} };
    asked++;
    if (asked === 1) return 'cut';
    return asked === 2 ? { status: 503, body: {} } : { status: 200, body };
  });
  assert.deepEqual((await client(t).manifest(reference, undefined, signal)).content, body);
  assert.equal(asked, 3);
  const broken = await serve(t, (request) =>
    (request.url ?? '').includes('manifests') ? { status: 500, body: {} } : { status: 200, body: {} },
  );
  await assert.rejects(
    client(t).manifest(broken.reference, undefined, signal),
    /unexpected HTTP status: 500/,
  );
});

test('a manifest other than the digest that was asked for is refused', async (t) => {
  const { reference } = await serve(t, () => ({ status: 200, body: Buffer.from('{}') }));
  await assert.rejects(
    client(t).manifest({ ...reference, digest }, undefined, signal),
    /manifest verification failed for digest/,
  );
});

test('a token is used until it expires; an identity token is exchanged by POST', async (t) => {
  let time = 1_000_000;
  const tokens: string[] = [];
  const server = await listen((request) => {
    tokens.push(`${request.method ?? ''} ${new URL(request.url ?? '', 'http://x').search}`);
    return { status: 200, body: { access_token: `t${tokens.length}`, expires_in: 60 } };
  });
  closing(t, server);
  const realm = `Bearer realm="http://127.0.0.1:${portOf(server)}/token",service="s"`;
  const { reference } = await serve(t, (request) =>
    request.headers.authorization === `Bearer t${tokens.length}`
      ? { status: 200, body: Buffer.from('{}') }
      : { status: 401, headers: { 'www-authenticate': realm }, body: {} },
  );
  const http = client(t, () => time);
  const get = (): Promise<unknown> => http.manifest(reference, { identityToken: 'refresh' }, signal);
  await get();
  await get();
  assert.deepEqual(tokens, ['POST ']);
  time += 120_000;
  await get();
  assert.equal(tokens.length, 2);
});

test('credentials go to no server elsewhere whose certificate nobody signed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  await makeCertificates(folder);
  const [key, cert] = ['server-key.pem', 'server.pem'].map((name) => readFileSync(join(folder, name)));
  const asked: unknown[] = [];
  const tokens = closing(
    t,
    createTlsServer({ key, cert }, (request, response) => {
      asked.push(request.headers.authorization);
      response.end('{"token":"t"}');
    }),
  );
  await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
  const realmAt = (host: string): string => `Bearer realm="https://${host}:${portOf(tokens)}/token"`;
  let realm = realmAt('0.0.0.0');
  const { reference } = await serve(t, ({ headers }) =>
    headers.authorization === 'Bearer t'
      ? { status: 200, body: {} }
      : { status: 401, headers: { 'www-authenticate': realm }, body: {} },
  );
  const get = (): Promise<unknown> => client(t).manifest(reference, { username: 'u', password: 'p' }, signal);
  await assert.rejects(get(), /0\.0\.0\.0.*certificate/);
  assert.deepEqual(asked, []);
  realm = realmAt('127.0.0.1');
  await get();
  assert.equal(asked.length, 1);
});

test('an aborted request ends with the reason of the abort', async (t) => {
  const stop = new AbortController();
  const { reference } = await serve(t, (request) => {
    if ((request.url ?? '').includes('manifests')) stop.abort(new Error('enough'));
    return 'cut';
  });
  await assert.rejects(client(t).manifest(reference, undefined, stop.signal), /enough/);
});

test('challenges are read with quotes, several in one header and odd spacing', () => {
  const plain = parseChallenges(
    'Bearer realm="https://a/b?c=d,e",service="s \\"q\\"" , scope=x,Basic realm="r"',
  );
  assert.deepEqual(
    plain.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]),
    [
      ['bearer', { realm: 'https://a/b?c=d,e', service: 's "q"', scope: 'x' }],
      ['basic', { realm: 'r' }],
    ],
  );
  assert.deepEqual(parseChallenges(''), []);
  assert.deepEqual(parseChallenges('=,='), []);
});
