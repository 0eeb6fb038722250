import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, readlinkSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SealedProgram } from '#adapters/linux/sealed-program.ts';

const descriptors = async (): Promise<string[]> => readdir('/proc/self/fd');

/** What busybox says as `echo`. */
const echo = (busybox: string, word: string): string =>
  spawnSync(busybox, [word], { argv0: 'echo', encoding: 'utf8' }).stdout;

test('a program is run from a copy that nobody can write to, and whose descriptors are given back', async () => {
  const before = await descriptors();
  const program = new SealedProgram('/bin/busybox');
  const { path } = program;
  assert.match(readlinkSync(path), /^\/memfd:/);
  assert.equal(echo(path, 'hello'), 'hello\n');
  const writable = openSync(path, 'r+');
  assert.throws(() => writeSync(writable, 'x'), { code: 'EPERM' });
  closeSync(writable);
  assert.equal(program.path, path);
  program.close();
  assert.deepEqual(await descriptors(), before);
});

test('after an update of the program the new one is run', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'berth-sealed-'));
  const file = join(folder.path, 'program');
  writeFileSync(file, '#!/bin/sh\necho old\n', { mode: 0o755 });
  const program = new SealedProgram(file);
  const old = program.path;
  copyFileSync('/bin/busybox', file);
  assert.notEqual(program.path, old);
  assert.equal(echo(program.path, 'new'), 'new\n');
  program.close();
});

test('a program that does not exist is left to whoever starts it', () => {
  assert.equal(new SealedProgram('/nonexistent/program').path, '/nonexistent/program');
});
