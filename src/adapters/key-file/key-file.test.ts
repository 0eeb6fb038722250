import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyStoreContract, type KeyStoreFixture } from '../../../test/contract/key-store.ts';
import { MemoryKeyStore } from '../../../test/support/memory-key-store.ts';
import { KeyFile } from './key-file.ts';

async function inFolder(): Promise<KeyStoreFixture & { path: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-key-'));
  const path = join(folder, 'keys', 'secrets.key');
  return {
    ...{ folder, path },
    store: new KeyFile(path),
    again: () => new KeyFile(path),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

keyStoreContract('key file', inFolder);
keyStoreContract('keys in memory', () => {
  const store = new MemoryKeyStore();
  return Promise.resolve({
    store,
    again: () => store,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

test('only the owner may read the file, and nothing lies beside it', async () => {
  await using fixture = await inFolder();
  await fixture.store.write([new Uint8Array(32)]);
  assert.equal((await stat(fixture.path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(fixture.folder, 'keys')), ['secrets.key']);
});

test('a file that others may read, or whose lines are no keys, is refused without its content', async () => {
  await using fixture = await inFolder();
  await fixture.store.write([new Uint8Array(32)]);
  await chmod(fixture.path, 0o640);
  await assert.rejects(fixture.store.read(), /its mode is 0640, required is 0600/);
  await chmod(fixture.path, 0o600);
  await writeFile(fixture.path, 'berth-key-1 dG9vIHNob3J0\n');
  await assert.rejects(fixture.store.read(), (error: Error) => {
    assert.match(error.message, /a line of it is no key/);
    assert.doesNotMatch(error.message, /dG9v/);
    return true;
  });
});

test('what a crash left beside the file does not matter', async () => {
  await using fixture = await inFolder();
  await fixture.store.write([new Uint8Array(32)]);
  await writeFile(`${fixture.path}.new`, 'half');
  await fixture.store.write([new Uint8Array(32).fill(7)]);
  assert.equal((await fixture.again().read())[0]?.[0], 7);
});
