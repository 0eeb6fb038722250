import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSubnet } from '#domain/network/cidr.ts';
import { checkEndpointRequest, dnsNamesOf } from '#domain/network/endpoint.ts';
import type { Network } from '#domain/network/network.ts';
import { checkNetworkName, checkOverlap, checkSubnets, poolOf } from '#domain/network/request.ts';
import { resolvConfText } from '#domain/network/resolv-conf.ts';
import { checkOptions, mtuOf } from '#domain/network/settings.ts';

const network: Network = {
  id: 'n1',
  name: 'net',
  created: '',
  driver: 'bridge',
  scope: 'local',
  ipv6: false,
  internal: false,
  attachable: false,
  options: {},
  labels: {},
  pools: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.1' }],
  ipamOptions: {},
  bridge: 'b0n1',
  mtu: 1500,
};

test('a pool gets the first address as gateway and refuses what lies outside', () => {
  assert.deepEqual(poolOf({ subnet: '10.1.0.9/24' }), { subnet: '10.1.0.0/24', gateway: '10.1.0.1' });
  assert.deepEqual(poolOf({ subnet: '10.1.0.0/16', ipRange: '10.1.5.0/24', gateway: '10.1.0.254' }), {
    subnet: '10.1.0.0/16',
    gateway: '10.1.0.254',
    ipRange: '10.1.5.0/24',
  });
  assert.throws(() => poolOf({ subnet: '10.1.0.0/24', gateway: '10.2.0.1' }), {
    code: 'address-outside-subnet',
    message: 'no matching subnet for gateway 10.2.0.1',
  });
  assert.throws(() => poolOf({ subnet: '10.1.0.0/24', ipRange: '10.1.0.0/16' }), /range 10\.1\.0\.0\/16/);
  assert.throws(() => poolOf({ subnet: '10.1.0.0/24', auxiliary: { router: '10.2.0.7' } }), /'router'/);
});

test('a subnet must not overlap a network of ours nor meet a route of the host, but may lie in a wider one', () => {
  const wanted = parseSubnet('10.1.0.0/16');
  const refused = { kind: 'forbidden', code: 'pool-overlaps', message: /Pool overlaps with other one/ };
  assert.throws(() => checkOverlap(wanted, [parseSubnet('10.0.0.0/8')], []), refused);
  assert.throws(() => checkOverlap(wanted, [], [parseSubnet('10.1.2.0/24')]), refused);
  assert.throws(() => checkOverlap(wanted, [], [parseSubnet('10.1.0.0/16')]), refused);
  checkOverlap(wanted, [parseSubnet('10.2.0.0/16')], [parseSubnet('10.0.0.0/8')]);
});

test('names and options of a network are checked', () => {
  for (const name of ['my_app.net-1', 'of my app']) checkNetworkName(name);
  for (const name of ['', ' ', 'a\nb', 'a/b'])
    assert.throws(() => checkNetworkName(name), { code: 'network-name-invalid' }, name);
  for (const name of ['host', 'default'])
    assert.throws(() => checkNetworkName(name), { kind: 'forbidden', message: /on predefined \w+ network/ });
  assert.equal(mtuOf({ 'com.docker.network.driver.mtu': '1400' }), 1400);
  for (const option of ['com.docker.network.driver.mtu', 'com.docker.network.bridge.enable_icc'])
    assert.throws(() => checkOptions({ [option]: 'many' }), { message: /found 'many'/ });
  assert.throws(() => checkOptions({ 'com.docker.network.bridge.name': 'a/b' }), { message: /'a\/b'/ });
});

test('subnets are whole ones', () => {
  checkSubnets([{ subnet: '10.1.0.0/16' }, { subnet: 'fd00::/64' }, {}]);
  const refused = (subnets: string[], message: string): void =>
    assert.throws(() => checkSubnets(subnets.map((subnet) => ({ subnet }))), {
      code: 'subnet-invalid',
      message,
    });
  refused(['10.1.0.5/24'], 'invalid network config:\ninvalid subnet 10.1.0.5/24: it should be 10.1.0.0/24');
  refused(
    ['10.1.0.0/33', 'odd'],
    [
      'invalid network config:',
      '* invalid subnet 10.1.0.0/33: invalid CIDR block notation',
      '* invalid subnet odd: invalid CIDR block notation',
    ].join('\n'),
  );
});

test('an endpoint’s addresses, names and hardware address are checked in Docker’s words', () => {
  checkEndpointRequest(network, { IPAMConfig: { IPv4Address: '10.1.0.7' }, Aliases: ['db'] });
  const refused = (request: Parameters<typeof checkEndpointRequest>[1], words: RegExp, on = network): void =>
    assert.throws(() => checkEndpointRequest(on, request), { code: 'endpoint-invalid', message: words });
  refused(
    { IPAMConfig: { IPv4Address: '10.2.0.7' } },
    /no configured subnet or ip-range contain the IP address 10\.2\.0\.7/,
  );
  refused({ IPAMConfig: { IPv4Address: 'x' } }, /invalid IPv4 address: x/);
  refused({ DriverOpts: { 'com.docker.network.endpoint.odd': 'x0' } }, /endpoint\.odd is not supported/);
  refused({ MacAddress: '02:42' }, /invalid MAC address: 02:42/);
  const bridge = { ...network, name: 'bridge' };
  refused({ IPAMConfig: { IPv4Address: '10.1.0.7' } }, /on user defined networks only/, bridge);
  refused({ Aliases: ['db'] }, /alias is supported only for containers in user defined networks/, bridge);
});

test('a container has each of its names once', () => {
  const container = { name: 'web', shortId: '0123456789ab', hostname: '0123456789ab' };
  assert.deepEqual(dnsNamesOf(container, ['web', 'www']), ['web', 'www', '0123456789ab']);
});

test('resolv.conf holds servers, search domains but a single dot, and options', () => {
  const text = resolvConfText({ servers: ['10.1.0.1'], search: ['.', 'a.example'], options: ['ndots:0'] });
  assert.equal(text, 'nameserver 10.1.0.1\nsearch a.example\noptions ndots:0\n');
});
