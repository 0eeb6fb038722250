import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { test } from 'node:test';
import { DescriptorInbox } from '#adapters/linux/rights.ts';
import {
  getXattr,
  listXattrs,
  makeDevice,
  mknod,
  setXattr,
  splitDevice,
  SystemCallError,
  unmount,
  unmountIfMounted,
} from '#adapters/linux/libc.ts';
import { mountOverlay } from '#adapters/linux/overlay.ts';
import { mountOverlayByOptions } from '#adapters/linux/overlay-options.ts';

function scratch(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'berth-calls-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

for (const [way, mountIt] of Object.entries({ context: mountOverlay, options: mountOverlayByOptions }))
  test(`an overlay of 60 long lower paths mounts by ${way}, shows the topmost file and takes writes in the upper directory`, () => {
    using dir = scratch();
    const lower = Array.from({ length: 60 }, (_, i) => join(dir.path, `${'x'.repeat(100)}${i}`));
    for (const [i, path] of lower.entries()) {
      mkdirSync(path);
      writeFileSync(join(path, 'who'), String(i));
    }
    const [upper, work, target] = ['upper', 'work', 'target'].map((name) => join(dir.path, name));
    assert.ok(upper !== undefined && work !== undefined && target !== undefined);
    for (const path of [upper, work, target]) mkdirSync(path);
    mountIt({ lower, upper, work, target });
    try {
      assert.equal(readFileSync(join(target, 'who'), 'utf8'), '0');
      writeFileSync(join(target, 'new'), 'n');
      assert.equal(readFileSync(join(upper, 'new'), 'utf8'), 'n');
    } finally {
      unmount(target);
    }
  });

test('a failed call is an error with the name of the call, the value and the errno', () => {
  assert.throws(
    () => unmount('/nonexistent/berth'),
    (error) => {
      assert.ok(error instanceof SystemCallError);
      assert.equal(error.code, 'ENOENT');
      assert.match(error.message, /umount '\/nonexistent\/berth': ENOENT/);
      return true;
    },
  );
  unmountIfMounted('/nonexistent/berth');
});

test('device nodes and extended attributes are made and read back', () => {
  using dir = scratch();
  const node = join(dir.path, 'node');
  mknod(node, 0o020600, makeDevice(300, 70000));
  assert.deepEqual(splitDevice(statSync(node).rdev), { major: 300, minor: 70000 });
  setXattr(dir.path, 'trusted.berth', Buffer.from('v'));
  assert.deepEqual(listXattrs(dir.path), ['trusted.berth']);
  assert.equal(getXattr(dir.path, 'trusted.berth')?.toString(), 'v');
  assert.equal(getXattr(dir.path, 'trusted.other'), undefined);
});

test('an inbox that has received leaves alone whoever has the number of its descriptor afterwards', async () => {
  using dir = scratch();
  const server = createServer((socket) => socket.pipe(socket));
  await once(server.listen(join(dir.path, 'echo')), 'listening');
  const inbox = new DescriptorInbox(join(dir.path, 'inbox'));
  const received = inbox.receive();
  connect(join(dir.path, 'inbox')).end('no descriptor');
  assert.equal(await received, undefined);
  const clients = Array.from({ length: 8 }, () => connect(join(dir.path, 'echo')));
  await Promise.all(clients.map((client) => once(client, 'connect')));
  inbox.stop();
  for (const client of clients) {
    client.end('still here');
    assert.equal(await text(client), 'still here');
  }
  server.close();
});
