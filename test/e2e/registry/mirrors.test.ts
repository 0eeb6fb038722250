import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  addressOf,
  digestOf,
  reach,
  serveRegistry,
  storedBlobs,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { faultyRegistry, noFault, type Fault, type FaultyRegistry } from '../../support/faulty-registry.ts';

const MIB = 1024 * 1024;

describe('other registries through the built-in one', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  let upstream: FaultyRegistry;
  before(async () => {
    upstream = await faultyRegistry();
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
    await daemon.berthOk('registry', 'mirrors', 'add', 'up', upstream.host, '--fresh-for', '0');
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });
  afterEach(() => {
    upstream.fault = noFault;
    upstream.seen.length = 0;
  });

  /** An artifact of the upstream with one layer, whose manifest is here. Gives the layer's digest. */
  async function known(tag: string, layer: Buffer): Promise<string> {
    const [digest = ''] = upstream.add(tag, {}, [layer]);
    assert.equal((await registry.call('GET', `up/app/manifests/${tag}`)).status, 200);
    return digest;
  }

  function open(digest: string, range?: string): Promise<IncomingMessage> {
    const [host, port] = registry.host.split(':');
    const headers = range === undefined ? {} : { range };
    const request = get({ host, port, path: `/v2/up/app/blobs/${digest}`, headers, agent: false });
    return new Promise((resolve, reject) => request.once('response', resolve).once('error', reject));
  }

  function requests(method: string, end: string): number {
    return upstream.seen.filter((one) => one.method === method && one.path.split('?')[0]?.endsWith(end))
      .length;
  }

  /** Sends the first half of a blob, and the rest when it is told to. */
  function halting(digest: string, content: Buffer): { fault: Fault; goOn: () => void } {
    const gate = Promise.withResolvers<void>();
    const half = content.length / 2;
    const fault: Fault = ({ path, headers }, response) => {
      if (!path.includes(digest) || headers.range !== undefined) return false;
      response.setHeader('content-length', content.length).write(content.subarray(0, half));
      void gate.promise.then(() => response.end(content.subarray(half)));
      return true;
    };
    return { fault, goOn: gate.resolve };
  }

  async function bytesFrom(answer: IncomingMessage, wanted: number): Promise<void> {
    let seen = 0;
    const chunks: AsyncIterable<Buffer> = answer.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) if ((seen += chunk.length) >= wanted) return;
    assert.fail(`the answer ended after ${seen} bytes`);
  }

  it('sends a blob while it arrives, to several clients and in ranges, and fetches it once', async () => {
    const layer = randomBytes(4 * MIB);
    const digest = await known('shared', layer);
    const { fault, goOn } = halting(digest, layer);
    upstream.fault = fault;
    const [leaves, stays] = await Promise.all([open(digest), open(digest)]);
    assert.equal(stays.headers['content-length'], String(layer.length));
    await bytesFrom(leaves, MIB);
    leaves.destroy();
    const part = await open(digest, 'bytes=100-199');
    assert.equal(part.statusCode, 206);
    assert.deepEqual(await buffer(part), layer.subarray(100, 200));
    const late = open(digest, `bytes=${layer.length - 10}-`);
    goOn();
    assert.deepEqual(await buffer(stays), layer);
    assert.deepEqual(await buffer(await late), layer.subarray(-10));
    assert.equal(requests('GET', digest), 1);
    assert.deepEqual((await registry.call('GET', `up/app/blobs/${digest}`)).body, layer);
    assert.equal(requests('GET', digest), 1, 'what is here is not fetched again');
  });

  it('ends connections with an error when the content is wrong, keeps nothing, and tries again', async () => {
    const layer = randomBytes(2 * MIB);
    const digest = await known('wrong', layer);
    upstream.fault = ({ path }, response) => {
      if (!path.includes(digest)) return false;
      response.setHeader('content-length', layer.length).end(randomBytes(layer.length));
      return true;
    };
    const answers = await Promise.all([open(digest), open(digest)]);
    for (const answer of answers) await assert.rejects(buffer(answer), /aborted|ECONNRESET/);
    assert.ok(!(await storedBlobs(daemon)).includes(digest.slice(7)));
    assert.deepEqual(await readdir(join(daemon.root, 'blobs', 'partial')), []);
    upstream.fault = noFault;
    assert.deepEqual(await buffer(await open(digest)), layer);
  });

  it('goes on with a download that everybody left and a kill of the daemon ended', async () => {
    const layer = randomBytes(2 * MIB);
    const digest = await known('resumed', layer);
    upstream.fault = halting(digest, layer).fault;
    const answer = await open(digest);
    await bytesFrom(answer, MIB / 2);
    answer.destroy();
    await daemon.kill9();
    await daemon.start();
    registry = reach(await addressOf(daemon));
    upstream.fault = noFault;
    upstream.seen.length = 0;
    assert.deepEqual(await buffer(await open(digest)), layer);
    const [request] = upstream.seen.filter(({ path }) => path.includes(digest));
    assert.match(request?.headers.range ?? '', /^bytes=\d{6,}-$/);
  });

  it('tells the size of a blob without fetching it, and of one that is unknown nothing', async () => {
    const digest = await known('head', Buffer.from('a layer'));
    const head = await registry.call('HEAD', `up/app/blobs/${digest}`);
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, '7']);
    assert.equal(requests('GET', digest), 0);
    assert.equal((await registry.call('HEAD', `up/app/blobs/${digestOf('x')}`)).status, 404);
    upstream.blobs.delete(digest);
    const gone = await registry.call('GET', `up/app/blobs/${digest}`);
    assert.deepEqual([gone.status, gone.codes], [404, ['BLOB_UNKNOWN']]);
  });

  it('asks for no more than the digest of a tag that it has, and fetches what it is moved to', async () => {
    await known('moving', Buffer.from('first'));
    for (let i = 0; i < 3; i++)
      assert.equal((await registry.call('GET', 'up/app/manifests/moving')).status, 200);
    assert.equal(requests('GET', '/moving'), 1);
    assert.equal(requests('HEAD', '/moving'), 3);
    upstream.add('moving', {}, [Buffer.from('second')]);
    const moved = await registry.call('GET', 'up/app/manifests/moving');
    assert.match(moved.body.toString(), new RegExp(digestOf('second')));
    await daemon.berthOk('registry', 'mirrors', 'add', 'up', upstream.host, '--fresh-for', '3600');
    assert.equal((await registry.call('GET', 'up/app/manifests/moving')).status, 200);
    assert.equal(requests('HEAD', '/moving'), 4, 'a fresh tag is taken as it was last seen');
    await daemon.berthOk('registry', 'mirrors', 'add', 'up', upstream.host, '--fresh-for', '0');
  });

  it('looks a tag up once for a conditional request, of which nothing is sent when it is known', async () => {
    await known('asked', Buffer.from('conditional'));
    const { headers } = await registry.call('HEAD', 'up/app/manifests/asked');
    const known304 = { headers: { 'if-none-match': headers.get('etag') ?? '' } };
    const other = { headers: { 'if-none-match': '"sha256:0"' } };
    for (const method of ['GET', 'HEAD'])
      for (const [sent, status] of [[known304, 304] as const, [other, 200] as const]) {
        upstream.seen.length = 0;
        const answer = await registry.call(method, 'up/app/manifests/asked', sent);
        assert.deepEqual(
          [answer.status, requests('HEAD', '/asked'), requests('GET', '/asked')],
          [status, 1, 0],
        );
        assert.equal(answer.headers.get('etag'), headers.get('etag'));
      }
  });

  it('says in words what is wrong with an upstream, and keeps nothing of it', async () => {
    const other = digestOf('another manifest');
    const answers: [words: RegExp, path: string, Fault][] = [
      [/more than 4194304 bytes/, 'huge', (_, response) => !!response.end(Buffer.alloc(5 * MIB, ' '))],
      [/verification failed/, other, (_, response) => !!response.end('{"schemaVersion":2}')],
      [/no basic auth credentials/, 'basic', (_, response) => !!response.writeHead(401).end()],
      [
        /names no token server/,
        'odd',
        (_, response) => !!response.writeHead(401, { 'www-authenticate': 'Bearer realm="?"' }).end(),
      ],
    ];
    for (const [words, reference, fault] of answers) {
      upstream.fault = fault;
      const { status, codes, body } = await registry.call('GET', `up/app/manifests/${reference}`);
      assert.deepEqual([status, codes], [502, ['UNAVAILABLE']], body.toString());
      assert.match(body.toString(), words);
      upstream.fault = noFault;
      assert.equal((await registry.call('GET', `up/app/manifests/${reference}`)).status, 404);
    }
  });

  it('tells nobody of a push when it fetches', async () => {
    const hook = ['registry', 'webhooks', 'add', 'http://127.0.0.1:1/', '--events', 'push,pull'];
    const id = await daemon.berthOk(...hook, '--repositories', 'up/**');
    await known('untold', Buffer.from('fetched'));
    const parse: (text: string) => { waiting: number; lost: number }[] = JSON.parse;
    const [told] = parse(await daemon.berthOk('registry', 'webhooks', 'ls', '--json'));
    assert.equal((told?.waiting ?? 0) + (told?.lost ?? 0), 1, 'only the pull');
    await daemon.berthOk('registry', 'webhooks', 'rm', id);
  });

  it('is found by the path and the parameter that clients of mirrors use', async () => {
    await daemon.berthOk('registry', 'mirrors', 'add', 'library', `${upstream.host}/library`);
    upstream.add('1', {}, [Buffer.from('of the library')]);
    assert.equal((await registry.call('GET', 'library/box/manifests/1')).status, 200, 'as dockerd asks');
    assert.ok(upstream.seen.some(({ path }) => path.startsWith('/v2/library/box/manifests/1')));
    const byName = await registry.call('GET', `any/box/manifests/1?ns=${upstream.host}`);
    assert.equal(byName.status, 200, 'as containerd asks');
    const other = await registry.call('GET', 'any/box/manifests/1?ns=registry.example');
    assert.equal(other.status, 404);
  });

  it('is pulled through by docker, and the engine copies nothing twice', async () => {
    await daemon.loadBusybox();
    await daemon.ok('tag', 'busybox', `${upstream.host}/team/box:1`);
    await daemon.ok('push', `${upstream.host}/team/box:1`);
    await daemon.ok('rmi', `${upstream.host}/team/box:1`, 'busybox');
    upstream.seen.length = 0;
    const name = `${registry.host}/up/team/box:1`;
    await daemon.ok('pull', name);
    const digests = upstream.seen.filter(({ path }) => path.includes('/blobs/')).map(({ path }) => path);
    assert.equal(new Set(digests).size, digests.length, 'each blob was fetched once');
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', name, 'echo', 'mirrored'), 'mirrored');
    upstream.seen.length = 0;
    await daemon.ok('rmi', name);
    await daemon.ok('pull', name);
    assert.ok(!upstream.seen.some(({ path }) => path.includes('/blobs/')), 'the registry kept the blobs');
  });

  it('serves what is here while the upstream is away, and does not wait for it again', async () => {
    const layer = Buffer.from('kept for bad times');
    const digest = await known('offline', layer);
    assert.deepEqual((await registry.call('GET', `up/app/blobs/${digest}`)).body, layer);
    let asked = 0;
    upstream.fault = (_request, response) => {
      asked += 1;
      response.writeHead(503).end();
      return true;
    };
    assert.equal((await registry.call('GET', 'up/app/manifests/offline')).status, 200);
    assert.equal((await registry.call('GET', `up/app/blobs/${digest}`)).status, 200);
    const before = asked;
    assert.ok(before > 0);
    assert.equal((await registry.call('GET', 'up/app/manifests/offline')).status, 200);
    const tags = await registry.call('GET', 'up/app/tags/list');
    assert.match(tags.body.toString(), /"offline"/);
    assert.equal(asked, before, 'an upstream that failed is left alone for a while');
  });
});

it('an engine pulls through its own registry when its settings say so, and waits for itself in nothing', async () => {
  await using upstream = await faultyRegistry();
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'berth-settings-'));
  const settings = `[registries.mirrors]\n"${upstream.host}" = ["http://127.0.0.1:${port}"]\n`;
  await writeFile(join(folder, 'config.toml'), settings);
  {
    await using daemon = await startDaemon({ environment: { BERTH_CONFIG: join(folder, 'config.toml') } });
    const registry = await serveRegistry(daemon, port);
    const added = await daemon.berth('registry', 'mirrors', 'add', 'up', upstream.host);
    assert.equal(added.code, 0, added.stderr);
    await daemon.loadBusybox();
    const name = `${upstream.host}/team/box:1`;
    await daemon.ok('tag', 'busybox', name);
    await daemon.ok('push', name);
    await daemon.ok('rmi', name, 'busybox');
    upstream.seen.length = 0;
    await daemon.ok('pull', name);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', name, 'echo', 'through'), 'through');
    assert.equal((await registry.call('GET', 'up/team/box/manifests/1')).status, 200);
    await daemon.ok('rmi', name);
    upstream.seen.length = 0;
    await daemon.ok('pull', name);
    assert.ok(!upstream.seen.some(({ path }) => path.includes('/blobs/')), 'nothing is downloaded twice');
  }
  await rm(folder, { recursive: true });
});
