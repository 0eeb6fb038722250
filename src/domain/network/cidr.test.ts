import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contains,
  formatAddress,
  formatSubnet,
  isAddress,
  macOf,
  overlaps,
  parseAddress,
  parseSubnet,
} from '#domain/network/cidr.ts';

test('addresses of both versions survive a round trip in their shortest form', () => {
  const forms = {
    '172.17.0.2': '172.17.0.2',
    '255.255.255.255': '255.255.255.255',
    '::': '::',
    '::1': '::1',
    'fd00::': 'fd00::',
    'FD00:0:0:1:0:0:0:2': 'fd00:0:0:1::2',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '::ffff:1.2.3.4': '::ffff:102:304',
  };
  for (const [given, shortest] of Object.entries(forms)) {
    assert.equal(formatAddress(parseAddress(given)), shortest);
  }
});

test('what is no address is refused with the value quoted', () => {
  for (const text of ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', ':::', '1::2::3', 'fd00::g', '1:2:3:4:5:6:7']) {
    assert.equal(isAddress(text), false, text);
  }
  assert.throws(() => parseAddress('1.2.3.256'), { code: 'address-invalid', message: /'1\.2\.3\.256'/ });
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/129', '10.0.0.0/8/8']) {
    assert.throws(() => parseSubnet(text), { code: 'subnet-invalid' }, text);
  }
});

test('a subnet drops the host bits and knows what lies in it and what overlaps it', () => {
  const subnet = parseSubnet('172.18.5.9/16');
  assert.equal(formatSubnet(subnet), '172.18.0.0/16');
  assert.equal(contains(subnet, parseAddress('172.18.255.255')), true);
  assert.equal(contains(subnet, parseAddress('172.19.0.0')), false);
  assert.equal(contains(subnet, parseAddress('::1')), false);
  assert.equal(overlaps(subnet, parseSubnet('172.16.0.0/12')), true);
  assert.equal(overlaps(subnet, parseSubnet('172.19.0.0/16')), false);
  assert.equal(overlaps(parseSubnet('0.0.0.0/0'), parseSubnet('::/0')), false);
});

test('the hardware address follows from the IPv4 address as Docker forms it', () => {
  assert.equal(macOf('172.17.0.2'), '02:42:ac:11:00:02');
});
