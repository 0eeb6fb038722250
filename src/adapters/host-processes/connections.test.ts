import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countInbound } from './connections.ts';

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

test('connections to a port that is listened on count, those to others and those that are over do not', () => {
  const table = `${head}   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0500A8C0:1F90 0100A8C0:9C40 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0500A8C0:1F90 0100A8C0:9C42 06 00000000:00000000 00:00000000 00000000     0        0 0
   3: 0500A8C0:9C44 0200A8C0:1538 01 00000000:00000000 00:00000000 00000000     0        0 3
   4: 0500A8C0:1F90 0100A8C0:9C46 08 00000000:00000000 00:00000000 00000000     0        0 4
`;
  assert.equal(countInbound([table, head]), 2);
});

test('a server on both families is found in either table', () => {
  const six = `${head}   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0 0 0 0 0 1\n`;
  const four = `${head}   0: 0500A8C0:0050 0100A8C0:9C40 01 0 0 0 0 0 2\n`;
  assert.equal(countInbound([four, six]), 1);
  assert.equal(countInbound(['', '']), 0);
});
