import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tarEntry } from '#domain/archive/tar-writer.ts';
import { differencesOf } from './difference.ts';

test('members differ by kind, content, link, mode, owner, attributes and time', () => {
  const file = { entry: tarEntry('a', 'file', { size: 1 }), content: 'x' };
  assert.deepEqual(differencesOf(file, file), []);
  const other = {
    entry: tarEntry('a', 'file', {
      size: 2,
      mode: 0o600,
      uid: 1,
      mtime: 60,
      xattrs: new Map([['user.a', new Uint8Array([1])]]),
    }),
    content: 'y',
  };
  assert.deepEqual(differencesOf(file, other), [
    'content differs: 1 bytes, then 2',
    `mode ${file.entry.mode.toString(8)}, then 600`,
    'owner 0:0, then 1:0',
    'extended attributes , then user.a=1',
    `mtime ${new Date(file.entry.mtime * 1000).toISOString()}, then 1970-01-01T00:01:00.000Z`,
  ]);
  const link = { entry: tarEntry('a', 'symlink', { linkName: 'b' }), content: 'x' };
  assert.deepEqual(differencesOf(file, link).slice(0, 2), ['kind file, then symlink', 'link to , then b']);
});
