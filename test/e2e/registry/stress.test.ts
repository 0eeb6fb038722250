import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  digestOf,
  manifestOf,
  ociManifest,
  serveRegistry,
  storedBlobs,
  type Answered,
  type BuiltIn,
} from '../../support/built-in-registry.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';

// Pushes, pulls, deletions, collections and scrubs at once, on few blobs that all share: what is tagged or refers to what is
// tagged is never lost, and nothing else stays.

const rounds = 15;
/** Seconds for which a blob stays that no manifest names yet. */
const grace = 1;
const repositories = ['stress/a', 'stress/b'];
/** Few, so that a blob that is collected is pushed again at the same moment. */
const layers = Array.from({ length: 8 }, (_, i) => `layer ${i} `.repeat(20_000));

interface Pushed {
  repository: string;
  tag: string;
  digest: string;
  blobs: string[];
}

function pick<T>(list: readonly T[]): T {
  const found = list[randomInt(list.length)];
  assert.ok(found !== undefined);
  return found;
}

async function expectStatus(wanted: number, answer: Promise<Answered>, what: string): Promise<Answered> {
  const given = await answer;
  assert.equal(given.status, wanted, `${what}: ${given.body.toString().slice(0, 300)}`);
  return given;
}

describe('the built-in registry under many hands', () => {
  let daemon: TestDaemon;
  let registry: BuiltIn;
  let serial = 0;
  before(async () => {
    daemon = await startDaemon();
    registry = await serveRegistry(daemon);
  });
  after(() => daemon[Symbol.asyncDispose]());

  async function pushBlob(repository: string, content: string): Promise<string> {
    const digest = digestOf(content);
    const head = await registry.call('HEAD', `${repository}/blobs/${digest}`);
    const path = `${repository}/blobs/uploads/?digest=${digest}`;
    if (head.status === 404) await expectStatus(201, registry.call('POST', path, { body: content }), path);
    return digest;
  }

  /** As clients do: what is said to be there is not sent again. Now and then with something that refers to it. */
  async function push(repository: string, tag: string): Promise<Pushed> {
    const began = performance.now();
    const used = [pick(layers), pick(layers)];
    const config = JSON.stringify({ tag, serial: (serial += 1) });
    const blobs = await Promise.all([config, ...used].map((content) => pushBlob(repository, content)));
    const body = manifestOf(config, used);
    const digest = digestOf(body);
    const { status, codes } = await put(repository, tag, body);
    // On a busy machine a push may take longer than its blobs are kept for it.
    if (status === 404 && performance.now() - began > grace * 1000) return push(repository, tag);
    assert.equal(status, 201, codes.join());
    if (randomInt(3) > 0) return { repository, tag, digest, blobs };
    const subject = { mediaType: ociManifest, digest, size: body.length };
    const note = manifestOf(config, [], { subject, artifactType: 'text/note' });
    assert.equal((await put(repository, digestOf(note), note)).status, 201);
    return { repository, tag, digest, blobs: [...blobs, digestOf(note)] };
  }

  function put(repository: string, reference: string, body: string): Promise<Answered> {
    const headers = { 'content-type': ociManifest };
    return registry.call('PUT', `${repository}/manifests/${reference}`, { body, headers });
  }

  async function pull({ repository, tag, digest, blobs }: Pushed): Promise<void> {
    const path = `${repository}/manifests/${tag}`;
    const { body } = await expectStatus(200, registry.call('GET', path), path);
    assert.equal(digestOf(body), digest);
    for (const blob of new Set(blobs)) {
      const content = await expectStatus(200, registry.call('GET', `${repository}/blobs/${blob}`), blob);
      assert.equal(digestOf(content.body), blob);
    }
  }

  async function collect(after: number): Promise<void> {
    const body = { untagged: true, grace: after };
    const { status, text } = await daemon.api('POST', '/berth/v1/registry/gc', body);
    assert.equal(status, 200, text);
  }

  it('loses nothing that is needed, and keeps nothing else', { timeout: 120_000 }, async () => {
    let isOver = false;
    const lasting = await Promise.all(repositories.map((repository) => push(repository, 'lasting')));
    const kept = new Map<string, Pushed>(lasting.map((one) => [`${one.repository}:${one.tag}`, one]));
    /** Has tags of its own, so that it knows what they name. */
    async function pusher(id: number): Promise<void> {
      for (let round = 0; round < rounds; round++) {
        const [repository, tag] = [pick(repositories), `p${id}-${randomInt(4)}`];
        const pushed = await push(repository, tag);
        kept.set(`${repository}:${tag}`, pushed);
        await pull(pushed);
        if (randomInt(2) === 0) continue;
        kept.delete(`${repository}:${tag}`);
        await expectStatus(202, registry.call('DELETE', `${repository}/manifests/${tag}`), tag);
      }
    }
    async function puller(): Promise<void> {
      while (!isOver) await pull(pick(lasting));
    }
    let collections = 0;
    async function collector(): Promise<void> {
      for (; !isOver; collections++) await collect(grace);
    }
    async function scrubber(): Promise<void> {
      while (!isOver) {
        const { text } = await daemon.api('POST', '/berth/v1/registry/verify');
        assert.doesNotMatch(text, /"(damaged|missing)"/);
      }
    }
    const pushed = Promise.all([pusher(0), pusher(1), pusher(2)]).finally(() => (isOver = true));
    await Promise.all([pushed, puller(), puller(), collector(), scrubber()]);
    assert.ok(collections > 3, `${collections} collections`);

    for (const one of kept.values()) await pull(one);
    await collect(0);
    for (const one of kept.values()) await pull(one);
    const needed = [...kept.values()].flatMap(({ digest, blobs }) => [digest, ...blobs]);
    assert.deepEqual(await storedBlobs(daemon), [...new Set(needed)].map((digest) => digest.slice(7)).sort());
    for (const { repository, tag } of kept.values())
      await expectStatus(202, registry.call('DELETE', `${repository}/manifests/${tag}`), tag);
    await collect(0);
    assert.deepEqual(await storedBlobs(daemon), []);
    assert.match((await registry.call('GET', '_catalog')).body.toString(), /"repositories":\[\]/);
  });
});
