import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AppModel } from '#domain/app/model.ts';
import { compile } from '#domain/policy/compile.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import { evaluate, type FlowEnd } from '#domain/policy/evaluate.ts';
import { policedServices, type PolicyWorld } from '#domain/policy/world.ts';
import type { FilterChange, GuardedAddress } from '#ports/packet-filter.ts';
import { HostNetwork } from '../support/host-network.ts';
import type { Peer } from '../support/peer.ts';
import { apps, policedApps, ports, services } from '../support/policy-arbitraries.ts';
import { becomePrivateHost } from '../support/private-host.ts';
import { passes, type Party } from '../support/slow-policy.ts';

becomePrivateHost();

const cases = Number(process.env['BERTH_POLICIES'] ?? 20);

/** Six replicas in one network and two outside, one of them near, all of whom answer on each port. */
async function setUp(host: HostNetwork): Promise<{ party: Party; peer: Peer }[]> {
  const bridge = `${host.instance.linkPrefix}i`;
  const addresses = ['10.1.0.1/24'];
  assert.ok(await host.links.ensureBridge({ name: bridge, addresses, mtu: 1500, filtered: true }));
  const outside = await host.bridge('o', '198.51.100');
  const world = await host.peer(outside, '198.51.100.2', { gateway: '198.51.100.1' });
  const near = await host.peer(await host.bridge('n', '192.168.77'), '192.168.77.2', {
    gateway: '192.168.77.1',
  });
  const all: { party: Party; peer: Peer }[] = [
    { party: { name: 'world', address: '198.51.100.2', isWorld: true }, peer: world },
    { party: { name: 'lan', address: '192.168.77.2', isWorld: true }, peer: near },
  ];
  for (const [number, [app, service]] of apps
    .flatMap((a) => services.map((s) => [a, s] as const))
    .entries()) {
    const address = `10.1.0.${8 + number}`;
    const peer = await host.peer(bridge, address, { gateway: '10.1.0.1' });
    const labels = { tier: service === 'db' ? 'back' : 'front', 'berth.service': service };
    all.push({
      party: { name: serviceKey(app, service), address, app, service, labels, ports: { http: 80 } },
      peer,
    });
  }
  for (const { peer } of all) for (const port of ports) await peer.serveTcp(port);
  await host.filter.reset(
    [
      {
        ...{ bridge, subnets: ['10.1.0.0/24'], internal: false },
        ...{ masquerade: false, interContainer: true, seesBridged: true },
      },
    ],
    [],
  );
  return all;
}

function worldOf(models: AppModel[]): PolicyWorld {
  return { services: models.flatMap(policedServices) };
}

function changesFor(models: AppModel[], parties: readonly Party[]): FilterChange[] {
  const compiled = compile(worldOf(models));
  const guarded = parties.flatMap(({ app = '', service = '', address }): GuardedAddress[] => {
    const guard = compiled.guards.get(serviceKey(app, service));
    return guard === undefined ? [] : [{ address, ...guard }];
  });
  return [
    { do: 'set-policies', policies: compiled },
    ...guarded.map((one): FilterChange => ({ do: 'guard', guarded: one })),
  ];
}

function endOf({ app, service, address }: Party): FlowEnd {
  if (app === undefined || service === undefined) return { kind: 'world', addresses: [address], names: [] };
  return { kind: 'service', app, service, addresses: [address] };
}

test(`what passes in the kernel, by the evaluator and by the letter of Kubernetes is the same, for ${cases} generated sets of policies`, async (t) => {
  await using host = new HostNetwork();
  const all = await setUp(host);
  const parties = all.map(({ party }) => party);
  const seed = Number(process.env['BERTH_SEED'] ?? Date.now() % 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  let probed = 0;
  await fc.assert(
    fc.asyncProperty(policedApps(5), async (models) => {
      await host.filter.apply(changesFor(models, parties));
      // Those outside have no way in but by published ports, which have tests of their own.
      const callers = all.filter(({ party }) => party.isWorld !== true);
      const flows = callers.flatMap((from) =>
        all.filter((to) => to !== from).flatMap((to) => ports.map((port) => ({ from, to, port }))),
      );
      const wrong = await Promise.all(
        flows.map(async ({ from, to, port }) => {
          const expected = passes(models, from.party, to.party, port);
          const answer = await from.peer.tcp(to.party.address, port);
          const flow = { from: endOf(from.party), to: endOf(to.party), protocol: 'tcp' as const, port };
          const judged = evaluate(sameNetwork(worldOf(models)), flow).allowed;
          const isOpen = answer.startsWith('tcp ');
          assert.ok(isOpen || answer === 'ECONNREFUSED', `an answer of the filter, not ${answer}`);
          probed += 1;
          if (isOpen === expected && judged === expected) return undefined;
          return `${from.party.name} -> ${to.party.name}:${port} should be ${expected}, kernel ${isOpen}, evaluator ${judged}`;
        }),
      );
      assert.deepEqual(
        wrong.filter((one) => one !== undefined),
        [],
      );
    }),
    { numRuns: cases, seed, endOnFailure: true },
  );
  t.diagnostic(`${probed} connections`);
});

/** The replicas of this test share one. */
function sameNetwork({ services: known }: PolicyWorld): PolicyWorld {
  return { services: known.map((one) => ({ ...one, networks: ['net'] })) };
}
