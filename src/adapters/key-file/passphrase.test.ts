import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { passphraseFrom } from './passphrase.ts';

test('a passphrase is the first line of a descriptor, which is closed then', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-passphrase-'));
  try {
    writeFileSync(join(folder, 'given'), 'correct horse\nmore\n');
    const descriptor = openSync(join(folder, 'given'), 'r');
    const passphrase = passphraseFrom(descriptor);
    assert.throws(() => fstatSync(descriptor), /EBADF/);
    assert.equal(await passphrase(), 'correct horse');
    writeFileSync(join(folder, 'given'), '');
    assert.throws(() => passphraseFrom(openSync(join(folder, 'given'), 'r')), /it gave nothing/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('without a descriptor there is none, and one that is not open is said', async () => {
  assert.equal(await passphraseFrom(-1)(), undefined);
  assert.throws(() => passphraseFrom(987), /descriptor 987 \(secrets\.passphrase-fd\): EBADF/);
});
