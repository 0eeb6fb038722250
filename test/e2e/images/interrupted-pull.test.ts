import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { stallingRegistry } from '../../support/stalling-registry.ts';

test('a pull that a kill of the daemon interrupts leaves nothing, and works again afterwards', async () => {
  await using registry = await stallingRegistry();
  await using daemon = await startDaemon();
  const name = `${registry.host}/app:1`;
  const pulling = daemon.docker('pull', name);
  await registry.stalled;
  await daemon.kill9();
  assert.notEqual((await pulling).code, 0);
  await daemon.start();
  assert.equal(await daemon.ok('images', '-q'), '');
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/sha256')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'blobs/incoming')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'snapshots/committed')), []);
  assert.deepEqual(await readdir(join(daemon.root, 'snapshots/temporary')), []);
  registry.goOn();
  assert.match(await daemon.ok('pull', name), /Status: Downloaded newer image/);
});

test('a client that goes away ends its pull, and the next pull is whole', async () => {
  await using registry = await stallingRegistry();
  await using daemon = await startDaemon();
  const pulling = await daemon.open('POST', `/images/create?fromImage=${registry.host}/app&tag=1`);
  await registry.stalled;
  pulling.destroy();
  await registry.cut;
  assert.equal(await daemon.ok('images', '-q'), '');
  registry.goOn();
  assert.match(await daemon.ok('pull', `${registry.host}/app:1`), /Status: Downloaded newer image/);
});
