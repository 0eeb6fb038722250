import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, formatSubnet, parseAddress, parseSubnet } from '#domain/network/cidr.ts';
import { defaultPools, freePool, nextFree, uniqueLocalPool } from '#domain/network/pools.ts';

const give = (
  subnet: string,
  range: string | undefined,
  taken: string[],
  last?: string,
): string | undefined => {
  const address = nextFree(
    parseSubnet(subnet),
    range === undefined ? undefined : parseSubnet(range),
    new Set(taken.map((text) => parseAddress(text).value)),
    last === undefined ? undefined : parseAddress(last).value,
  );
  return address === undefined ? undefined : formatAddress(address);
};

test('a pool that overlaps a used subnet is passed over, in an order that depends on the instance', () => {
  const inUse = (...subnets: string[]): string | undefined => {
    const pool = freePool(subnets.map(parseSubnet), '000000');
    return pool === undefined ? undefined : formatSubnet(pool);
  };
  assert.equal(inUse(), '172.17.0.0/16');
  assert.equal(inUse('172.17.42.0/24'), '172.18.0.0/16');
  assert.equal(inUse('172.16.0.0/12'), '192.168.0.0/20');
  assert.equal(inUse('172.16.0.0/12', '192.168.0.0/16'), '10.128.0.0/20');
  assert.equal(inUse('172.16.0.0/12', '192.168.0.0/16', '10.128.0.0/19'), '10.128.32.0/20');
  assert.equal(inUse('172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/8'), undefined);
  const other = freePool([], '000005');
  assert.ok(other !== undefined);
  assert.equal(formatSubnet(other), '172.22.0.0/16');
});

test('there are as many default pools as Docker has', () => {
  assert.deepEqual(
    [defaultPools().length, defaultPools().map(formatSubnet).at(14), defaultPools().map(formatSubnet).at(-1)],
    [31, '172.31.0.0/16', '192.168.240.0/20'],
  );
});

test('addresses go on after the last one given, wrap around, and leave out network and broadcast', () => {
  assert.equal(give('10.0.0.0/29', undefined, ['10.0.0.1']), '10.0.0.2');
  assert.equal(give('10.0.0.0/29', undefined, ['10.0.0.1', '10.0.0.2'], '10.0.0.3'), '10.0.0.4');
  assert.equal(give('10.0.0.0/29', undefined, ['10.0.0.1'], '10.0.0.6'), '10.0.0.2');
  const all = [1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`);
  assert.equal(give('10.0.0.0/29', undefined, all), undefined);
  assert.equal(give('10.0.0.0/29', undefined, all.slice(0, 5), '10.0.0.2'), '10.0.0.6');
});

test('a range narrows what is given, but never the bounds of the subnet', () => {
  assert.equal(give('10.0.0.0/24', '10.0.0.128/30', ['10.0.0.1']), '10.0.0.128');
  assert.equal(give('10.0.0.0/24', '10.0.0.252/30', ['10.0.0.252', '10.0.0.253', '10.0.0.254']), undefined);
  assert.equal(give('fd00::/64', undefined, ['fd00::1']), 'fd00::2');
});

test('unique local pools of one instance differ from each other and from those of another', () => {
  const texts = [uniqueLocalPool('00000a', 0), uniqueLocalPool('00000a', 1), uniqueLocalPool('00000b', 0)];
  assert.equal(new Set(texts.map(formatSubnet)).size, 3);
  assert.ok(texts.every((pool) => formatSubnet(pool).startsWith('fd')));
});
