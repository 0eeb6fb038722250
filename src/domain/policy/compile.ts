import { fingerprint } from '#base/ids.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import type { Allow, Direction, Peer, PolicyPort, Protocol } from './model.ts';
import { grantsOf, numbered, peersIn, type Granted, type PolicedService, type PolicyWorld } from './world.ts';

// Policies as the packet filter takes them. What depends on containers is left out: their addresses come and go as
// members of groups, and no rule changes with them.

export type RulePeer =
  | { kind: 'any' }
  /** Addresses of the members of a group. */
  | { kind: 'group'; group: string }
  | { kind: 'cidr'; cidr: string; except: string[] }
  /** Addresses that the resolver has given for a name. */
  | { kind: 'name'; name: string }
  | { kind: 'host' }
  | { kind: 'lan' }
  | { kind: 'world' };

export interface FilterRule {
  peer: RulePeer;
  /** Absent: every protocol and port. */
  port?: { protocol: Protocol; first: number; last: number };
}

/** Rules that allow, and what becomes of the rest. Equal ones have one id. */
export interface RuleList {
  id: string;
  direction: Direction;
  rules: FilterRule[];
  /** `isolate`: only what comes straight from containers of apps is refused. */
  otherwise: 'refuse' | 'isolate';
}

/** What a service's containers are subject to. */
export interface Guard {
  ingress: string;
  /** Absent: it may call everyone. */
  egress?: string;
  groups: string[];
}

export interface CompiledPolicies {
  lists: RuleList[];
  /** Names of all groups that rules speak of. */
  groups: string[];
  /** DNS names that rules speak of. */
  names: string[];
  /** By `serviceKey`. */
  guards: Map<string, Guard>;
}

/** Every container of an app. */
export const everyApp = 'apps';

const wholeApp = (app: string): string => serviceKey(app, '*');

export function compile(world: PolicyWorld): CompiledPolicies {
  const lists = new Map<string, RuleList>();
  const groups = new Map<string, Set<string>>();
  const join = (group: string, members: readonly PolicedService[]): string => {
    groups.set(group, new Set(members.map(({ app, service }) => serviceKey(app, service))));
    return group;
  };
  const add = (list: Omit<RuleList, 'id'>): string => {
    const id = fingerprint(JSON.stringify(list)).slice(0, 16);
    lists.set(id, { id, ...list });
    return id;
  };
  join(everyApp, world.services);
  const lanes = world.services.map((service) => {
    const of = { world, service, join };
    const egress = rulesOf(of, 'egress');
    const ingress = rulesOf(of, 'ingress') ?? ownAppOnly(of);
    return {
      service,
      ingress: add(ingress),
      ...(egress === undefined ? {} : { egress: add(egress) }),
    };
  });
  const guards = lanes.map(({ service: { app, service }, ...ids }): [string, Guard] => {
    const key = serviceKey(app, service);
    return [key, { ...ids, groups: [...groups].flatMap(([name, keys]) => (keys.has(key) ? [name] : [])) }];
  });
  const named = [...lists.values()].flatMap(({ rules }) => rules.map(({ peer }) => peer));
  return {
    lists: [...lists.values()],
    groups: [...groups.keys()],
    names: [...new Set(named.flatMap((peer) => (peer.kind === 'name' ? [peer.name] : [])))],
    guards: new Map(guards),
  };
}

interface Compiling {
  world: PolicyWorld;
  service: PolicedService;
  join: (group: string, members: readonly PolicedService[]) => string;
}

function rulesOf(of: Compiling, direction: Direction): Omit<RuleList, 'id'> | undefined {
  const grants = grantsOf(of.service, direction);
  if (grants === undefined) return undefined;
  const rules = grants.granted.flatMap((granted) => rulesFor(of, direction, granted));
  return { direction, rules: unique(rules), otherwise: 'refuse' };
}

/** Without a policy: apps do not reach each other, but by what they publish. */
function ownAppOnly({ world, service: { app }, join }: Compiling): Omit<RuleList, 'id'> {
  const group = join(
    wholeApp(app),
    world.services.filter((one) => one.app === app),
  );
  return { direction: 'ingress', rules: [{ peer: { kind: 'group', group } }], otherwise: 'isolate' };
}

function rulesFor(of: Compiling, direction: Direction, { allow }: Granted): FilterRule[] {
  if (direction === 'ingress') {
    const peers = peersOf(of, allow);
    return withPorts(peers, portsOf(allow, of.service));
  }
  const plain = { ...allow, ports: allow.ports?.filter((port) => !('name' in port)) };
  const named = allow.ports?.filter((port) => 'name' in port) ?? [];
  const rules = withPorts(
    peersOf(of, allow),
    plain.ports === undefined ? undefined : portsOf(plain, of.service),
  );
  return [...rules, ...named.flatMap((port) => rulesOfNamed(of, allow, port))];
}

/** A named port is another number with each service that is called. */
function rulesOfNamed(of: Compiling, { peers = [] }: Allow, port: PolicyPort): FilterRule[] {
  const called = peers.flatMap((peer) => peersIn(of.world, of.service.app, peer));
  return called.flatMap((service) => {
    const number = numbered(port, service);
    if (number === undefined) return [];
    const group = of.join(serviceKey(service.app, service.service), [service]);
    return [{ peer: { kind: 'group', group }, port: number }];
  });
}

/** Undefined for all ports. */
function portsOf(
  { ports }: Pick<Allow, 'ports'> | { ports: PolicyPort[] | undefined },
  called: PolicedService,
) {
  return ports?.flatMap((port) => numbered(port, called) ?? []);
}

function withPorts(peers: RulePeer[], ports: FilterRule['port'][] | undefined): FilterRule[] {
  if (ports === undefined) return peers.map((peer) => ({ peer }));
  return peers.flatMap((peer) => ports.map((port) => (port === undefined ? { peer } : { peer, port })));
}

function peersOf(of: Compiling, { peers }: Pick<Allow, 'peers'>): RulePeer[] {
  return peers === undefined ? [{ kind: 'any' }] : peers.flatMap((peer) => rulePeers(of, peer));
}

function rulePeers({ world, service, join }: Compiling, peer: Peer): RulePeer[] {
  switch (peer.kind) {
    case 'cidr':
      return [{ kind: 'cidr', cidr: peer.cidr, except: peer.except }];
    case 'dns':
      return [{ kind: 'name', name: peer.name }];
    case 'host':
    case 'lan':
    case 'world':
      return [{ kind: peer.kind }];
    case 'app':
      return [{ kind: 'group', group: join(wholeApp(peer.app), peersIn(world, service.app, peer)) }];
    case 'service':
      return [
        { kind: 'group', group: join(serviceKey(peer.app, peer.service), peersIn(world, service.app, peer)) },
      ];
    case 'labels': {
      const members = peersIn(world, service.app, peer);
      const keys = members.map((one) => serviceKey(one.app, one.service)).sort();
      return members.length === 0 ? [] : [{ kind: 'group', group: join(keys.join(' '), members) }];
    }
  }
}

function unique(rules: FilterRule[]): FilterRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
