import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOptions } from './endpoint-options.ts';

const prefix = 'com.docker.network.endpoint';

test('settings of an interface and its name are read', () => {
  const sysctls = 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.neigh.ifname.mcast_solicit=5';
  assert.deepEqual(endpointOptions({ [`${prefix}.sysctls`]: sysctls, [`${prefix}.ifname`]: 'lan0' }), {
    name: 'lan0',
    sysctls: { 'net/ipv4/conf/IFNAME/log_martians': '1', 'net/ipv6/neigh/IFNAME/mcast_solicit': '5' },
    problems: [],
  });
  assert.deepEqual(endpointOptions({ other: 'x' }), { sysctls: {}, problems: [] });
});

test('what is wrong or unknown is a problem', () => {
  const wrong: [string, string, RegExp][] = [
    ['sysctls', 'net.ipv4.conf.eth0.log_martians=1', /represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V'/],
    ['sysctls', 'net.core.IFNAME.x=1', /'X' must be 'ipv4', 'ipv6' or 'mpls'/],
    ['sysctls', 'net.ipv4.conf.IFNAME.../../../kernel/x=1', /unrecognised network interface sysctl/],
    ['ifname', 'a/b', /interface name 'a\/b' is not valid/],
    ['ifname', '..', /is not valid/],
    ['ifname', 'a-name-that-is-long', /1 to 15 characters/],
    ['odd', '1', /driver option com.docker.network.endpoint.odd is not supported/],
  ];
  for (const [option, value, message] of wrong) {
    const { problems } = endpointOptions({ [`${prefix}.${option}`]: value });
    assert.equal(problems.length, 1, option);
    assert.match(problems[0] ?? '', message);
  }
});
