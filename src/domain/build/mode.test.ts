import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyModeChange, parseModeChange } from './mode.ts';

const changed = (text: string, mode: number, isFolder = false): number =>
  applyModeChange(parseModeChange(text), mode, isFolder);

test('octal digits are the mode, whatever was before', () => {
  assert.equal(changed('755', 0o600), 0o755);
  assert.equal(changed('01777', 0o644, true), 0o1777);
});

test('symbolic modes change what is there as chmod does', () => {
  const cases: [string, number, number][] = [
    ['u+x', 0o644, 0o744],
    ['+x', 0o644, 0o755],
    ['a-w', 0o666, 0o444],
    ['go=', 0o755, 0o700],
    ['u=rwx,g=rx,o=', 0o644, 0o750],
    ['go=u', 0o750, 0o777],
    ['o=g', 0o754, 0o755],
    ['u=rwX,go=rX', 0o600, 0o644],
    ['u=rwX,go=rX', 0o700, 0o755],
    ['u+s', 0o755, 0o4755],
    ['g+s', 0o755, 0o2755],
    ['o+s', 0o755, 0o755],
    ['+t', 0o755, 0o1755],
    ['=r', 0o6777, 0o444],
    ['u-x+w', 0o555, 0o655],
    ['-X', 0o755, 0o644],
  ];
  for (const [text, before, after] of cases) assert.equal(changed(text, before), after, text);
  assert.equal(changed('a+X', 0o644, true), 0o755, 'a folder counts as executable');
});

test('what is no mode is refused', () => {
  for (const text of ['', '999', '17777', 'u', 'x', 'u+q', 'u+x,', 'u~x'])
    assert.throws(() => parseModeChange(text), /invalid chmod parameter/, text);
});
