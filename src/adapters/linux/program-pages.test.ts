import assert from 'node:assert/strict';
import { test } from 'node:test';
import { programRegions, releaseProgramPages } from './program-pages.ts';

const mapping = (range: string, mode: string, path: string, anonymous: number): string =>
  `${range} ${mode} 00000000 fe:00 1234   ${path}\nSize:  4 kB\nRss:  4 kB\nAnonymous:    ${anonymous} kB\nVmFlags: rd mr\n`;

test('only what is read-only, unchanged and of the program itself is let go', () => {
  const smaps = [
    mapping('1000-3000', 'r-xp', '/usr/bin/node', 0),
    mapping('4000-5000', 'r--p', '/usr/bin/node', 0),
    mapping('5000-6000', 'r--p', '/usr/bin/node', 4),
    mapping('6000-7000', 'rw-p', '/usr/bin/node', 0),
    mapping('7000-8000', 'r-xp', '/usr/lib/libc.so.6', 0),
    mapping('8000-9000', 'r--p', '', 0),
  ].join('');
  assert.deepEqual(programRegions(smaps, '/usr/bin/node'), [
    { start: 0x1000n, length: 0x2000n },
    { start: 0x4000n, length: 0x1000n },
  ]);
});

test('the program goes on, with less memory', () => {
  const before = process.memoryUsage.rss();
  releaseProgramPages();
  assert.ok(process.memoryUsage.rss() < before - 10e6);
  assert.equal(JSON.stringify([3, 1, 2].toSorted()), '[1,2,3]');
});
