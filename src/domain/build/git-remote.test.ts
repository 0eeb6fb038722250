import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGitRemote } from './git-remote.ts';

test('a remote is a repository with branch and folder, or none', () => {
  const cases: [string, ReturnType<typeof parseGitRemote>][] = [
    ['https://host/a.git', { url: 'https://host/a.git', folder: '' }],
    ['https://host/a.git#v1:sub/dir', { url: 'https://host/a.git', ref: 'v1', folder: 'sub/dir' }],
    ['https://host/a.git#:sub', { url: 'https://host/a.git', folder: 'sub' }],
    ['git@host:a.git#main', { url: 'git@host:a.git', ref: 'main', folder: '' }],
    ['git://host/a', { url: 'git://host/a', folder: '' }],
    ['github.com/moby/buildkit', { url: 'https://github.com/moby/buildkit', folder: '' }],
    ['https://host/a.tar.gz', undefined],
    ['https://host/a.txt#x.git', undefined],
    ['.', undefined],
  ];
  for (const [remote, expected] of cases) assert.deepEqual(parseGitRemote(remote), expected, remote);
  assert.throws(() => parseGitRemote('https://host/a.git#--upload-pack=x'), /begins with '-'/);
  assert.throws(() => parseGitRemote('https://host/a.git?ref=x'), /the query .* is not offered/);
});
