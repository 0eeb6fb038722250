import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { HttpRegistryClient } from '#adapters/registry-client/registry-client.ts';
import { mediaTypes } from '#domain/image/manifest.ts';
import { digestOf, layerOf } from '../contract/snapshotter.ts';
import { faultyRegistry, noFault } from '../support/faulty-registry.ts';
import { configOf } from '../support/image-archives.ts';
import { imageRoom } from '../support/image-room.ts';
import { noise } from '../support/noise.ts';
import { registryOptions } from '../support/registry-options.ts';

// Registries whose answers are not as long as they say.

const layer = layerOf([['big', 'file', { content: noise(1_500_000) }]]);
const packed = gzipSync(layer);
const digest = digestOf(packed);

/**
 * Pulls an image whose layer is answered so. Gives how often it was asked for, and whether the layer is here.
 * @param answer of the request `turn`, from 1 on, for the bytes from `start` on
 */
async function pulled(
  answer: (response: ServerResponse, turn: number, start: number) => void,
): Promise<{ asked: number; failure: unknown }> {
  await using registry = await faultyRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await imageRoom({ registry: client });
  registry.add('1', configOf([layer]), [packed]);
  let asked = 0;
  registry.fault = ({ path, headers }, response) => {
    if (!path.endsWith(digest)) return false;
    answer(response, ++asked, Number(/\d+/.exec(headers.range ?? '0')?.[0]));
    return true;
  };
  try {
    const signal = new AbortController().signal;
    const failure: unknown = await room.images
      .pull(`${registry.host}/app:1`, { onProgress: () => undefined, signal })
      .then(() => undefined)
      .catch((error: unknown) => error);
    if (failure === undefined) assert.ok((await room.blobs.read(digest)).equals(packed));
    else assert.deepEqual(await room.snapshots.listCommitted(), []);
    return { asked, failure };
  } finally {
    client.close();
  }
}

test('all bytes are enough, also when more were promised', async () => {
  const { failure } = await pulled((response, _turn, start) => {
    // As a registry answers who asks for what lies behind the end.
    if (start === packed.length) response.writeHead(416).end('{}');
    else {
      const range = `bytes ${start}-${packed.length - 1}/${packed.length}`;
      const length = packed.length - start + 1000;
      response.writeHead(start === 0 ? 200 : 206, { 'content-length': length, 'content-range': range });
      response.write(packed.subarray(start), () => response.socket?.end());
    }
  });
  assert.equal(failure, undefined);
});

test('a layer that is said to be shorter than its manifest promises is refused after some tries', async () => {
  const { asked, failure } = await pulled((response) =>
    response.writeHead(200, { 'content-length': 1000 }).end(packed.subarray(0, 1000)),
  );
  assert.ok(failure instanceof Error && 'code' in failure);
  assert.equal(failure.code, 'registry-transfer-failed');
  assert.ok(asked > 1 && asked < 20, `asked ${asked} times`);
});

test('a range that is answered with all of it is read from where the transfer stopped', async () => {
  const starts: number[] = [];
  const { asked, failure } = await pulled((response, turn, start) => {
    starts.push(start);
    if (turn === 1) response.write(packed.subarray(0, 500_000), () => response.destroy());
    else response.writeHead(200, { 'content-length': packed.length }).end(packed);
  });
  assert.deepEqual([asked, failure], [2, undefined]);
  assert.ok((starts[1] ?? 0) > 0, 'nothing was asked for from where it stopped');
});

test('a range that is answered with fewer bytes than it says is gone on with', async () => {
  const { asked, failure } = await pulled((response, turn, start) => {
    if (turn === 1) response.write(packed.subarray(0, 500_000), () => response.destroy());
    else
      response
        .writeHead(206, { 'content-range': `bytes ${start}-${packed.length - 1}/${packed.length}` })
        .end(packed.subarray(start, turn === 2 ? start + 1000 : packed.length));
  });
  assert.deepEqual([asked, failure], [3, undefined]);
});

test('a config of more than four MiB is not read for its platforms', async () => {
  await using registry = await faultyRegistry();
  const client = new HttpRegistryClient(registryOptions());
  await using room = await imageRoom({ registry: client });
  registry.add('1', configOf([layer]), [packed]);
  const inspect = (): ReturnType<typeof room.images.inspectRemote> =>
    room.images.inspectRemote(`${registry.host}/app:1`, undefined, new AbortController().signal);
  try {
    registry.fault = ({ path }, response) => {
      if (!path.includes('/manifests/')) return false;
      const config = { mediaType: mediaTypes.ociConfig, digest, size: 5 * 1024 * 1024 };
      response.end(JSON.stringify({ schemaVersion: 2, config, layers: [] }));
      return true;
    };
    await assert.rejects(inspect(), { code: 'image-config-too-large' });
    registry.fault = noFault;
    assert.deepEqual((await inspect()).platforms, [{ architecture: 'amd64', os: 'linux' }]);
  } finally {
    client.close();
  }
});

for (const [when, before] of [
  ['at its first layer', 0],
  ['behind some of its layers', 5],
] as const)
  test(`a pull that fails ${when} leaves nothing open, and the next one succeeds`, async () => {
    await using registry = await faultyRegistry();
    const client = new HttpRegistryClient(registryOptions());
    await using room = await imageRoom({ registry: client });
    const layers = Array.from({ length: 8 }, (_, i) =>
      layerOf([[`f${i}`, 'file', { content: noise(300_000 + i) }]]),
    );
    const packedLayers = layers.map((each) => gzipSync(each));
    const [, , broken = ''] = registry.add('1', configOf(layers), packedLayers);
    const pull = (): Promise<unknown> =>
      room.images.pull(`${registry.host}/app:1`, {
        onProgress: () => undefined,
        signal: new AbortController().signal,
      });
    let asked = 0;
    let answer = (): void => undefined;
    registry.fault = ({ path }, response) => {
      const isBroken = path.endsWith(broken);
      if (isBroken) answer = () => void response.end(Buffer.alloc(packedLayers[2]?.length ?? 0));
      else if (path.includes('/blobs/')) asked++;
      if (asked >= before) {
        answer();
        answer = () => undefined;
      }
      return isBroken;
    };
    try {
      await assert.rejects(pull(), { code: 'blob-digest-mismatch' });
      const deadline = Date.now() + 30_000;
      while (openFiles(room.root).length > 0 && Date.now() < deadline) await setImmediate();
      assert.deepEqual(openFiles(room.root), []);
      registry.fault = noFault;
      await pull();
    } finally {
      client.close();
    }
  });

/** Below a folder, by this process. */
function openFiles(root: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(`${root}/blobs/`) ? [path] : [];
    } catch {
      // The one by which the list is read.
      return [];
    }
  });
}
