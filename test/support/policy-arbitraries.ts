import fc from 'fast-check';
import type { AppModel, Service } from '#domain/app/model.ts';
import type { Allow, LabelSelector, Peer, Policy, PolicyPort } from '#domain/policy/model.ts';

// Two apps with three services each, in one network, and policies between them.

export const apps = ['shop', 'blog'] as const;
export const services = ['web', 'api', 'db'] as const;
/** 80 is called `http` by all of them. */
export const ports = [80, 81, 90] as const;

const at = { file: 'compose.yaml', line: 1 };
const app = fc.constantFrom(...apps);
const service = fc.constantFrom(...services);

const selector: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.oneof(
    fc.constant({}),
    fc.constantFrom('front', 'back').map((tier) => ({ tier })),
  ),
  matchExpressions: fc.array(
    fc.record({
      key: fc.constantFrom('tier', 'berth.service', 'none'),
      operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
      values: fc.subarray(['front', 'back', 'web', 'db']),
    }),
    { maxLength: 1 },
  ),
});

const namespaces: fc.Arbitrary<LabelSelector> = fc.option(app, { nil: undefined }).map((name) => ({
  matchLabels: name === undefined ? {} : { 'kubernetes.io/metadata.name': name },
  matchExpressions: [],
}));

const peer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ kind: fc.constant('service' as const), app, service }),
  fc.record({ kind: fc.constant('app' as const), app }),
  fc.record({ kind: fc.constant('labels' as const), services: selector }),
  fc.record({ kind: fc.constant('labels' as const), services: selector, apps: namespaces }),
  fc.record({
    kind: fc.constant('cidr' as const),
    cidr: fc.constantFrom('10.1.0.0/24', '10.1.0.8/29', '0.0.0.0/0', '198.51.100.2/32'),
    except: fc.subarray(['10.1.0.10/31', '198.51.100.0/24']),
  }),
  fc.constant<Peer>({ kind: 'world' }),
  fc.constant<Peer>({ kind: 'lan' }),
);

const port: fc.Arbitrary<PolicyPort> = fc.oneof(
  fc.constantFrom(...ports).map((first) => ({ protocol: 'tcp' as const, first, last: first })),
  fc.constant<PolicyPort>({ protocol: 'tcp', first: 81, last: 95 }),
  fc.constant<PolicyPort>({ protocol: 'udp', first: 80, last: 80 }),
  fc.constant<PolicyPort>({ protocol: 'tcp', name: 'http' }),
);

const allow: fc.Arbitrary<Allow> = fc
  .record({
    peers: fc.option(fc.array(peer, { maxLength: 3 }), { nil: undefined }),
    ports: fc.option(fc.array(port, { maxLength: 2 }), { nil: undefined }),
  })
  .map(({ peers, ports: numbers }) => ({
    at,
    ...(peers === undefined ? {} : { peers }),
    ...(numbers === undefined ? {} : { ports: numbers }),
  }));

const allows = fc.option(fc.array(allow, { maxLength: 3 }), { nil: undefined });

const policy: fc.Arbitrary<Policy> = fc
  .record({
    subject: fc.oneof(
      fc.subarray([...services], { minLength: 1 }).map((chosen) => ({ services: chosen })),
      selector.map((labels) => ({ labels })),
    ),
    ingress: allows,
    egress: allows,
    addsOnly: fc.constantFrom(false, false, true),
  })
  .map(({ subject, ingress, egress, addsOnly }) => ({
    name: 'generated',
    at,
    subject,
    ...(ingress === undefined ? {} : { ingress }),
    // A named port has a number of the called service only: Kubernetes leaves others open, we refuse them.
    ...(egress === undefined ? {} : { egress: egress.map(withoutVagueNames) }),
    ...(addsOnly ? { addsOnly: true as const } : {}),
  }));

function withoutVagueNames(one: Allow): Allow {
  const isClear = one.peers?.every((each) => ['service', 'app', 'labels'].includes(each.kind)) === true;
  if (isClear || one.ports === undefined) return one;
  return { ...one, ports: one.ports.filter((each) => !('name' in each)) };
}

function serviceOf(name: string): Service {
  return {
    name,
    pullPolicy: 'missing',
    replicas: 1,
    dependsOn: [],
    networks: [],
    ports: [{ name: 'http', target: 80, protocol: 'tcp', hostIp: '', published: '' }],
    mounts: [],
    secrets: [],
    configs: [],
    container: { Labels: { tier: name === 'db' ? 'back' : 'front' } },
    host: {},
  };
}

export function appModel(name: string, policy: Policy[]): AppModel {
  return {
    name,
    services: Object.fromEntries(services.map((each) => [each, serviceOf(each)])),
    networks: {},
    volumes: {},
    secrets: {},
    configs: {},
    policy,
  };
}

/** Both apps with up to so many policies each. */
export const policedApps = (most: number): fc.Arbitrary<AppModel[]> =>
  fc
    .tuple(...apps.map(() => fc.array(policy, { maxLength: most })))
    .map((all) => all.map((policies, index) => appModel(apps[index] ?? '', policies)));
