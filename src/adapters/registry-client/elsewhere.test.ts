import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, copyFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { parseDigest } from '#domain/image/digest.ts';
import { BerthError } from '#base/errors.ts';
import type { RegistryOptions } from '#adapters/registry-client/calls.ts';
import { withProxies } from '#adapters/registry-client/proxies.ts';
import { retryAfterMillis } from '#adapters/registry-client/retrying.ts';
import { makeCertificates } from '../../../test/support/certificates.ts';
import { faultyRegistry, type FaultyRegistry } from '../../../test/support/faulty-registry.ts';
import { registryOptions } from '../../../test/support/registry-options.ts';
import { listen, portOf } from '../../../test/support/registry.ts';
import { HttpRegistryClient } from './registry-client.ts';

// Mirrors, private authorities, proxies, and registries that ask for patience.

const signal = new AbortController().signal;
const layer = Buffer.alloc(100_000, 'layer');

function client(t: TestContext, set: Partial<RegistryOptions>): HttpRegistryClient {
  const made = new HttpRegistryClient(registryOptions(set));
  t.after(() => made.close());
  return made;
}

async function registry(t: TestContext): Promise<FaultyRegistry> {
  const made = await faultyRegistry();
  t.after(() => made[Symbol.asyncDispose]());
  made.add('1', {}, [layer]);
  return made;
}

async function certificates(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  await makeCertificates(folder);
  return folder;
}

function closing(t: TestContext, server: Server): Server {
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

test('a mirror is asked first, below its prefix, told whose image is meant, and without the credentials', async (t) => {
  const mirror = await registry(t);
  const http = client(t, { mirrors: { 'far.example': [`http://${mirror.host}/proxy`] } });
  const reference = { registry: 'far.example', repository: 'team/app', tag: '1' };
  const auth = { username: 'u', password: 'p' };
  const { content } = await http.manifest(reference, auth, signal);
  assert.ok(content.equals(mirror.manifests.get('1')?.content ?? Buffer.alloc(0)));
  const asked = mirror.seen.filter(({ path }) => path.includes('/manifests/'));
  assert.deepEqual(
    asked.map(({ path, headers }) => [path, headers.authorization]),
    [['/v2/proxy/team/app/manifests/1?ns=far.example', undefined]],
  );
});

test('the next mirror, and at last the registry itself, is asked when one fails', async (t) => {
  const [broken, upstream] = [await registry(t), await registry(t)];
  broken.fault = (_, response) => {
    response.writeHead(500).end('{}');
    return true;
  };
  const mirrors = { [upstream.host]: ['http://127.0.0.1:1', `http://${broken.host}`] };
  const http = client(t, { mirrors });
  const reference = { registry: upstream.host, repository: 'app', tag: '1' };
  assert.equal((await http.manifest(reference, undefined, signal)).mediaType.split('.').at(-1), 'v1+json');
  upstream.manifests.clear();
  await assert.rejects(http.manifest(reference, undefined, signal), (error) => {
    assert.ok(error instanceof BerthError);
    assert.equal(error.code, 'manifest-unknown');
    assert.match(error.hint ?? '', new RegExp(`its mirrors failed too: ${broken.host}: `));
    return true;
  });
});

test('what a mirror has wrong is asked of the registry itself on demand, and pushes go nowhere else', async (t) => {
  const [mirror, upstream] = [await registry(t), await registry(t)];
  const http = client(t, { mirrors: { [upstream.host]: [`http://${mirror.host}`] } });
  const reference = { registry: upstream.host, repository: 'app', tag: '1' };
  const [digest = ''] = upstream.add('1', {}, [layer]);
  const blob = { mediaType: '', digest: `sha256:${digest.slice(7)}` as const, size: layer.length };
  assert.ok((await buffer(await http.blob(reference, blob, undefined, signal, 0, true))).equals(layer));
  assert.equal(mirror.seen.length, 0);
  await http.pushManifest(reference, 'application/json', Buffer.from('{}'), undefined, signal);
  assert.equal(mirror.seen.length, 0);
});

test('the daemon has credentials of its own for who brings none', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-auth-'));
  t.after(() => rm(folder, { recursive: true }));
  const made = await registry(t);
  made.fault = ({ path, headers }, response) => {
    if (!path.includes('/manifests/') || headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    return true;
  };
  const authFile = join(folder, 'auth.json');
  const http = client(t, { authFile });
  const reference = { registry: made.host, repository: 'app', tag: '1' };
  await assert.rejects(http.manifest(reference, undefined, signal), /no basic auth credentials/);
  const auth = Buffer.from('robot:pass').toString('base64');
  await writeFile(authFile, JSON.stringify({ auths: { [made.host]: { auth } } }));
  await http.manifest(reference, undefined, signal);
  assert.equal(made.seen.at(-1)?.headers.authorization, `Basic ${auth}`);
  await writeFile(authFile, '{"auths": SECRET');
  await assert.rejects(
    http.manifest(reference, undefined, signal),
    (error) =>
      error instanceof BerthError &&
      error.code === 'registry-auth-file-invalid' &&
      !error.message.includes('SECRET'),
  );
});

test('credentials stay with the registry when a redirect leads elsewhere, also when it asks for them', async (t) => {
  const asked: (string | undefined)[] = [];
  const elsewhere = closing(
    t,
    await listen(({ headers }) => {
      asked.push(headers.authorization);
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="thief"' }, body: {} };
    }),
  );
  const made = await registry(t);
  made.fault = ({ path }, response) => {
    if (!path.includes('/manifests/')) return false;
    response.writeHead(307, { location: `http://127.0.0.1:${portOf(elsewhere)}/x` }).end();
    return true;
  };
  const auth = { username: 'u', password: 'p' };
  const reference = { registry: made.host, repository: 'app', tag: '1' };
  const http = client(t, {});
  await assert.rejects(http.manifest(reference, auth, signal));
  assert.deepEqual(asked, [undefined]);
  made.fault = ({ method, path }, response) => {
    if (method !== 'POST' || !path.includes('/uploads/')) return false;
    response.writeHead(202, { location: `http://127.0.0.1:${portOf(elsewhere)}/upload` }).end();
    return true;
  };
  const digest = parseDigest(`sha256:${'0'.repeat(64)}`);
  const blob = { mediaType: '', digest, size: 1 };
  const open = (): Promise<Readable> => Promise.resolve(Readable.from([Buffer.from('x')]));
  await assert.rejects(http.pushBlob(reference, blob, open, auth, signal), /denied/);
  assert.deepEqual(asked, [undefined, undefined]);
});

test('a private authority and a client certificate are used for their host, once they lie in its folder', async (t) => {
  const folder = await certificates(t);
  const [key, cert, ca] = ['server-key.pem', 'server.pem', 'ca.pem'].map((name) =>
    readFileSync(join(folder, name)),
  );
  const server = createServer({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, (_, response) =>
    response.end('{}'),
  );
  closing(t, server);
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  // Not 127.0.0.1, which needs no certificate; the proxy knows where the name leads.
  const host = `registry.test:${portOf(server)}`;
  const proxy = await connectProxy(t, portOf(server));
  const trusted = join(folder, 'certs.d');
  const environment = { HTTPS_PROXY: proxy.url };
  const http = client(t, { certificateFolders: [trusted], environment });
  const reference = { registry: host, repository: 'app', tag: '1' };
  await assert.rejects(http.manifest(reference, undefined, signal), /certificate/);
  await mkdir(join(trusted, host), { recursive: true });
  await copyFile(join(folder, 'ca.pem'), join(trusted, host, 'ca.crt'));
  await copyFile(join(folder, 'client.pem'), join(trusted, host, 'client.cert'));
  await assert.rejects(http.manifest(reference, undefined, signal), /client\.key' beside it/);
  await copyFile(join(folder, 'client-key.pem'), join(trusted, host, 'client.key'));
  await http.manifest(reference, undefined, signal);
  assert.deepEqual([...new Set(proxy.asked)], [host]);
});

/** A proxy that connects whatever it is asked for to one port of this host. */
async function connectProxy(t: TestContext, port: number): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = closing(t, createHttpServer());
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${portOf(server)}`, asked };
}

test('proxies of the settings stand before those of the environment', () => {
  const environment = { http_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1', PATH: '/bin' };
  assert.deepEqual(
    withProxies(environment, { HTTP_PROXY: 'http://c:1', HTTPS_PROXY: '', NO_PROXY: 'here' }),
    {
      HTTPS_PROXY: 'http://b:1',
      PATH: '/bin',
      HTTP_PROXY: 'http://c:1',
      NO_PROXY: 'here',
    },
  );
});

test('a registry that says when to come back is believed, unless that is too late', async (t) => {
  const made = await registry(t);
  const reference = { registry: made.host, repository: 'app', tag: '1' };
  let after = '1';
  let refusals = 1;
  made.fault = ({ path }, response) => {
    if (!path.includes('/manifests/') || refusals-- <= 0) return false;
    const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}';
    response.writeHead(429, { 'retry-after': after }).end(body);
    return true;
  };
  const begun = performance.now();
  await client(t, {}).manifest(reference, undefined, signal);
  assert.ok(performance.now() - begun >= 990);
  [after, refusals] = ['3600', 1];
  await assert.rejects(client(t, {}).manifest(reference, undefined, signal), /toomanyrequests: slow down/);
});

test('Retry-After is a number of seconds or a date', () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(retryAfterMillis('120', now), 120_000);
  assert.equal(retryAfterMillis('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000);
  assert.equal(retryAfterMillis('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  assert.equal(retryAfterMillis('soon', now), undefined);
  assert.equal(retryAfterMillis(undefined, now), undefined);
});
