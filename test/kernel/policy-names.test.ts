import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policedServices } from '#domain/policy/world.ts';
import { compile } from '#domain/policy/compile.ts';
import type { Policy } from '#domain/policy/model.ts';
import { appModel } from '../support/policy-arbitraries.ts';
import { HostNetwork } from '../support/host-network.ts';
import { becomePrivateHost } from '../support/private-host.ts';
import { NetlinkDenialLog } from '#adapters/nftables/denial-log.ts';
import type { DeniedPacket } from '#ports/denial-log.ts';

becomePrivateHost();

const at = { file: 'compose.yaml', line: 1 };
const byName: Policy = {
  name: 'out',
  at,
  subject: { services: ['web'] },
  egress: [{ at, peers: [{ kind: 'dns', name: '*.example.com' }] }],
};

/** shop/web, which may call what `*.example.com` stands for, and somebody outside. */
async function setUp(host: HostNetwork) {
  const bridge = `${host.instance.linkPrefix}i`;
  await host.links.ensureBridge({ name: bridge, addresses: ['10.1.0.1/24'], mtu: 1500, filtered: true });
  const outside = await host.bridge('o', '198.51.100');
  const world = await host.peer(outside, '198.51.100.2', { gateway: '198.51.100.1' });
  const web = await host.peer(bridge, '10.1.0.2', { gateway: '10.1.0.1' });
  await world.serveTcp(80);
  const rules = compile({ services: policedServices(appModel('shop', [byName])) });
  const guard = rules.guards.get('shop/web');
  assert.ok(guard);
  const network = {
    bridge,
    subnets: ['10.1.0.0/24'],
    internal: false,
    masquerade: true,
    interContainer: true,
  };
  const reset = (): Promise<void> =>
    host.filter.reset([{ ...network, seesBridged: true }], [], [], {
      rules,
      guarded: [{ address: '10.1.0.2', ...guard }],
    });
  await reset();
  return { world, web, reset };
}

test('an address of an allowed name may be called for as long as it is good, through a restart too', async () => {
  await using host = new HostNetwork();
  const { web, reset } = await setUp(host);
  const call = (): Promise<string> => web.tcp('198.51.100.2', 80);
  assert.equal(await call(), 'ECONNREFUSED');
  const named = { do: 'allow-name', name: '*.example.com', addresses: ['198.51.100.2', 'fd00::1'] } as const;
  await host.filter.apply([{ ...named, seconds: 60 }]);
  assert.match(await call(), /^tcp /);
  await reset();
  assert.match(await call(), /^tcp /);
  await host.filter.apply([{ ...named, seconds: 1 }]);
  const until = Date.now() + 10_000;
  while ((await call()) !== 'ECONNREFUSED') assert.ok(Date.now() < until, 'the address is allowed for good');
});

test('a name that no policy speaks of allows nothing', async () => {
  await using host = new HostNetwork();
  const { web } = await setUp(host);
  await host.filter.apply([
    { do: 'allow-name', name: 'other.example', addresses: ['198.51.100.2'], seconds: 60 },
  ]);
  assert.equal(await web.tcp('198.51.100.2', 80), 'ECONNREFUSED');
});

test('the kernel tells which connection was refused, and at which end', async () => {
  await using host = new HostNetwork();
  const { web } = await setUp(host);
  const log = new NetlinkDenialLog(host.instance);
  const { promise, resolve, reject } = Promise.withResolvers<DeniedPacket>();
  log.open(resolve, reject);
  try {
    assert.equal(await web.tcp('198.51.100.2', 80), 'ECONNREFUSED');
    const told = { direction: 'egress', protocol: 'tcp', from: '10.1.0.2', to: '198.51.100.2', port: 80 };
    assert.deepEqual(await promise, told);
    assert.throws(() => new NetlinkDenialLog(host.instance).open(resolve, reject), /log group/);
  } finally {
    log.close();
  }
});
