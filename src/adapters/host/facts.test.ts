import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHardLimits } from './facts.ts';

test('hard limits are read by the names that the runtime knows; unlimited ones are left out', () => {
  const text = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max cpu time              unlimited            unlimited            seconds   ',
    'Max core file size        0                    unlimited            bytes     ',
    'Max open files            1024                 20000                files     ',
    'Max nice priority         0                    0                    ',
    '',
  ].join('\n');
  assert.deepEqual(parseHardLimits(text), { RLIMIT_NOFILE: 20000, RLIMIT_NICE: 0 });
});
