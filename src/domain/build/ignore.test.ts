import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIgnore } from './ignore.ts';

/** Which of the paths stay in the context. */
function kept(rules: string, paths: string[]): string[] {
  const ignore = parseIgnore(rules);
  return paths.filter((path) => !ignore.ignores(path));
}

test('a name at the root is left out with all below it, and only there', () => {
  assert.deepEqual(kept('build', ['build', 'build/a', 'src/build', 'builder']), ['src/build', 'builder']);
  assert.deepEqual(kept('/build/', ['build/a', 'b']), ['b']);
  assert.deepEqual(kept('./a/../build', ['build/a', 'a']), ['a']);
});

test('a star stops at a slash, two stars do not', () => {
  assert.deepEqual(kept('*/temp*', ['temp', 'a/temp', 'a/tempo', 'a/b/temp']), ['temp', 'a/b/temp']);
  assert.deepEqual(kept('**/*.go', ['a.go', 'a/b.go', 'a/b/c.go', 'a.god']), ['a.god']);
  assert.deepEqual(kept('a/**', ['a', 'a/b', 'a/b/c']), ['a']);
  assert.deepEqual(kept('a/**/z', ['a/z', 'a/b/z', 'a/b/c/z', 'a/bz']), ['a/bz']);
  assert.deepEqual(kept('temp?', ['temp', 'tempa', 'tempab']), ['temp', 'tempab']);
});

test('the last rule that matches decides, and an exception takes in again', () => {
  assert.deepEqual(kept('*.md\n!README.md', ['a.md', 'README.md']), ['README.md']);
  assert.deepEqual(kept('!README.md\n*.md', ['a.md', 'README.md']), []);
  assert.deepEqual(kept('*.md\n!README*.md\nREADME-secret.md', ['README-secret.md', 'README-a.md']), [
    'README-a.md',
  ]);
  assert.deepEqual(kept('*\n!src', ['a', 'src', 'src/deep/file']), ['src', 'src/deep/file']);
  assert.deepEqual(kept('a\n! a/b', ['a/b', 'a/c']), ['a/b']);
});

test('comments and empty lines do not count; a hash after a space is a pattern', () => {
  assert.deepEqual(kept('# a\n\n  \n #b\nc  ', ['a', '#b', 'c', '# a']), ['a', '# a']);
  assert.deepEqual(kept('\uFEFFa', ['a', 'b']), ['b']);
});

test('classes and escapes are those of filepath.Match', () => {
  assert.deepEqual(kept('[a-c]x', ['ax', 'cx', 'dx', '-x']), ['dx', '-x']);
  assert.deepEqual(kept('[^a]x', ['ax', 'bx']), ['ax']);
  assert.deepEqual(kept('\\*x', ['*x', 'ax']), ['ax']);
  assert.deepEqual(kept('a.b', ['a.b', 'aXb']), ['aXb']);
  assert.throws(() => parseIgnore('[a'), /syntax error in pattern/);
  assert.throws(() => parseIgnore('a\\'), /syntax error in pattern/);
});
