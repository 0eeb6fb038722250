import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request, type ClientRequest } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  addressOf,
  pushArtifact,
  reach,
  serveRegistry,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { faultyRegistry, noFault, type FaultyRegistry } from '../../support/faulty-registry.ts';
import { portOf } from '../../support/registry.ts';

const MIB = 1024 * 1024;

/** What is going on, and what must be there afterwards. */
interface Work {
  /** Where an upload goes on. */
  upload: string;
  blobs: Map<string, Buffer>;
}

describe('a daemon that ends while its registry is busy', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  let upstream: FaultyRegistry;
  /** Takes messages and answers none. */
  const silent = createServer();
  const requests: ClientRequest[] = [];
  before(async () => {
    upstream = await faultyRegistry();
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
    await daemon.berthOk('registry', 'mirrors', 'add', 'up', upstream.host);
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const hook = ['registry', 'webhooks', 'add', `http://127.0.0.1:${portOf(silent)}/`, '--events', 'push'];
    await daemon.berthOk(...hook, '--repositories', '**');
  });
  afterEach(() => {
    for (const one of requests.splice(0)) one.destroy();
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    silent.close().closeAllConnections();
  });

  /** A request that will be cut. */
  function begin(method: string, path: string, body?: Buffer): ClientRequest {
    const [host, port] = registry.host.split(':');
    const headers = body === undefined ? {} : { 'content-length': 2 * body.length };
    const sent = request({ host, port, path, method, headers, agent: false }).on('error', () => undefined);
    requests.push(sent);
    if (body === undefined) return sent.end();
    sent.write(body);
    return sent;
  }

  /** An upload, a download and the mend of a damaged blob, each in the middle, and a message that nobody answers. */
  async function beginAll(tag: string): Promise<Work> {
    const contents = [randomBytes(2 * MIB), randomBytes(MIB)];
    const [coming = '', damaged = ''] = upstream.add(tag, { tag }, contents);
    const blobs = new Map([coming, damaged].map((digest, i) => [digest, contents[i] ?? Buffer.of()]));
    assert.equal((await registry.call('GET', `up/app/manifests/${tag}`)).status, 200);
    // As if it had been fetched before.
    await writeFile(join(daemon.root, 'blobs/sha256', damaged.slice(7)), randomBytes(MIB));
    const mending = Promise.withResolvers<void>();
    upstream.fault = ({ path }, response) => {
      const content = blobs.get(path.split('/').at(-1) ?? '');
      if (content === undefined) return false;
      response.setHeader('content-length', content.length).write(content.subarray(0, content.length / 2));
      if (path.includes(damaged)) mending.resolve();
      return true;
    };
    const told = once(silent, 'request');
    await pushArtifact(registry, 'team/app', tag, `told of ${tag}`);
    await told;
    const upload = (await registry.call('POST', 'team/app/blobs/uploads/')).headers.get('location') ?? '';
    begin('PATCH', upload, randomBytes(MIB));
    const download = begin('GET', `/v2/up/app/blobs/${coming}`);
    download.on('response', (answer) => answer.resume().on('error', () => undefined));
    await once(download, 'response');
    await assert.rejects(registry.call('GET', `up/app/blobs/${damaged}`), /aborted|ECONNRESET|hang up/);
    await mending.promise;
    return { upload, blobs };
  }

  async function isWhole({ upload, blobs }: Work): Promise<void> {
    upstream.fault = noFault;
    await daemon.start();
    registry = reach(await addressOf(daemon));
    assert.equal((await registry.call('GET', upload)).status, 204, 'an upload can be gone on with');
    for (const [digest, content] of blobs)
      assert.deepEqual((await registry.call('GET', `up/app/blobs/${digest}`)).body, content);
    assert.match(await daemon.berthOk('registry', 'verify'), /Everything is whole/);
  }

  it('ends all that in order when it is stopped, complains of nothing, and goes on afterwards', async () => {
    const work = await beginAll('stopped');
    await daemon.stop();
    await daemon.told(/"msg":"stopped"/);
    const [, ending = ''] = /"msg":"stopping[^\n]*\n([^]*)$/.exec(daemon.log) ?? [];
    assert.doesNotMatch(ending, /"level":60|"level":50[^\n]*(registry|blob|database)/i);
    await isWhole(work);
  });

  it('goes on afterwards when it was killed', async () => {
    const work = await beginAll('killed');
    await daemon.kill9();
    await isWhole(work);
  });
});
