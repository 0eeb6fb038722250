import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBoolean, parseSeconds, splitCommand } from './values.ts';

test('durations are in units, or else in seconds', () => {
  assert.equal(parseSeconds('1m30s'), 90e9);
  assert.equal(parseSeconds('1.5'), 15e8);
  for (const bad of ['', 'x', '1 s', '-1s', '1d']) assert.equal(parseSeconds(bad), undefined, bad);
});

test('booleans are the words of YAML 1.1, and nothing that objects inherit', () => {
  assert.equal(parseBoolean('Yes'), true);
  assert.equal(parseBoolean('off'), false);
  for (const bad of ['', 'maybe', 'constructor', '__proto__'])
    assert.equal(parseBoolean(bad), undefined, bad);
});

test('command lines split as a shell splits words', () => {
  assert.deepEqual(splitCommand(`sh -c "echo 'a b' \\"c\\" \\n" it\\'s '' x"y"z`), [
    'sh',
    '-c',
    `echo 'a b' "c" \\n`,
    "it's",
    '',
    'xyz',
  ]);
  assert.deepEqual(splitCommand('  '), []);
  assert.equal(splitCommand('echo "open'), undefined);
  assert.equal(splitCommand("it's"), undefined);
});
