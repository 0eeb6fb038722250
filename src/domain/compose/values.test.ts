import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBytes, parseDuration, splitCommand } from './values.ts';

test('durations', () => {
  assert.equal(parseDuration('1m30s'), 90e9);
  assert.equal(parseDuration('500ms'), 5e8);
  assert.equal(parseDuration('1.5h'), 5400e9);
  for (const bad of ['', 'x', '1 s', '-1s', '1d']) assert.equal(parseDuration(bad), undefined, bad);
});

test('sizes are powers of 1024', () => {
  assert.equal(parseBytes('64k'), 65536);
  assert.equal(parseBytes('1.5GiB'), 1610612736);
  assert.equal(parseBytes('100'), 100);
  for (const bad of ['', 'm', '1x', '-1']) assert.equal(parseBytes(bad), undefined, bad);
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
