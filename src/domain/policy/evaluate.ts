import { serviceKey } from '#domain/app/service-key.ts';
import { contains, parseAddress, parseSubnet } from '#domain/network/cidr.ts';
import {
  formatPlace,
  lanSubnets,
  type Allow,
  type Direction,
  type Peer,
  type Policy,
  type Protocol,
} from './model.ts';
import { isPeer, matchesName } from './selectors.ts';
import { grantsOf, numbered, type Granted, type PolicedService, type PolicyWorld } from './world.ts';

/** One end of a connection. */
export type FlowEnd =
  | { kind: 'service'; app: string; service: string; addresses: string[] }
  /** A container of no app. */
  | { kind: 'container'; addresses: string[] }
  | { kind: 'host'; addresses: string[] }
  /** `names`: those for which the resolver gave the address. */
  | { kind: 'world'; addresses: string[]; names: string[] };

export interface Flow {
  from: FlowEnd;
  to: FlowEnd;
  protocol: Protocol;
  /** Inside the container that is called. */
  port: number;
}

/** What decides at one end, or between them. */
export interface Reason {
  about: Direction | 'networks' | 'host';
  allowed: boolean;
  why: string;
  /** FILE:LINE of the rule, or of the policy that closes. */
  at?: string;
}

export interface Judgement {
  allowed: boolean;
  reasons: Reason[];
}

/** Whether a new connection is let through, and what decides. What is established goes on in any case. */
export function evaluate(world: PolicyWorld, flow: Flow): Judgement {
  const from = serviceOf(world, flow.from);
  const to = serviceOf(world, flow.to);
  const reasons = [
    ...(from === undefined ? [] : [judge(from, 'egress', flow, world)]),
    ...(to === undefined ? [] : [judgeIngress(to, flow, world)]),
    ...apart(from, to),
  ];
  return { allowed: reasons.every(({ allowed }) => allowed), reasons };
}

export function serviceOf(world: PolicyWorld, end: FlowEnd): PolicedService | undefined {
  if (end.kind !== 'service') return undefined;
  return world.services.find(({ app, service }) => app === end.app && service === end.service);
}

function judgeIngress(service: PolicedService, flow: Flow, world: PolicyWorld): Reason {
  if (flow.from.kind !== 'host') return judge(service, 'ingress', flow, world);
  const why = 'this machine always reaches its containers, for probes and ingress';
  return { about: 'host', allowed: true, why };
}

function judge(service: PolicedService, about: Direction, flow: Flow, world: PolicyWorld): Reason {
  const grants = grantsOf(service, about);
  const name = `${service.app}/${service.service}`;
  if (grants === undefined) return unpoliced(service, about, flow.from);
  const called = about === 'ingress' ? service : serviceOf(world, flow.to);
  const other = about === 'ingress' ? flow.from : flow.to;
  const by = grants.granted.find(
    ({ allow }) => isMeant(allow, service.app, other, world) && isPort(allow, flow, called),
  );
  if (by !== undefined)
    return { about, allowed: true, why: allowedBy(name, about, by), at: formatPlace(by.allow.at) };
  const { name: policy, at } = grants.closedBy;
  return {
    about,
    allowed: false,
    why: `${name} has its ${about} closed by ${policy}, and nothing allows this`,
    at: formatPlace(at),
  };
}

function allowedBy(name: string, about: Direction, { policy }: { policy: Policy }): string {
  return about === 'ingress' ? `${policy.name} lets it reach ${name}` : `${policy.name} lets ${name} call it`;
}

function unpoliced({ app, service }: PolicedService, about: Direction, from: FlowEnd): Reason {
  const name = serviceKey(app, service);
  if (about === 'egress') return { about, allowed: true, why: `no policy closes the egress of ${name}` };
  const isOther = from.kind === 'service' && from.app !== app;
  if (!isOther) return { about, allowed: true, why: `no policy closes the ingress of ${name}` };
  const why = `apps are isolated from each other, and no policy of ${app} says who may call ${name}`;
  return { about, allowed: false, why };
}

/** Containers reach each other in networks only that they share. */
function apart(from: PolicedService | undefined, to: PolicedService | undefined): Reason[] {
  if (from === undefined || to === undefined) return [];
  if (from.networks.some((network) => to.networks.includes(network))) return [];
  const names = `${from.app}/${from.service} and ${to.app}/${to.service}`;
  return [{ about: 'networks', allowed: false, why: `${names} have no network in common` }];
}

function isMeant({ peers }: Allow, own: string, end: FlowEnd, world: PolicyWorld): boolean {
  return peers === undefined || peers.some((peer) => isEnd(peer, own, end, world));
}

function isEnd(peer: Peer, own: string, end: FlowEnd, world: PolicyWorld): boolean {
  switch (peer.kind) {
    case 'host':
      return end.kind === 'host';
    case 'world':
      return end.kind === 'world';
    case 'lan':
      return (
        end.kind === 'world' && end.addresses.some((one) => lanSubnets.some((lan) => isInside(one, lan, [])))
      );
    case 'dns':
      return end.kind === 'world' && end.names.some((name) => matchesName(peer.name, name));
    case 'cidr':
      return end.addresses.some((address) => isInside(address, peer.cidr, peer.except));
    default: {
      const other = serviceOf(world, end);
      return other !== undefined && isPeer(peer, own, other);
    }
  }
}

function isInside(address: string, cidr: string, except: readonly string[]): boolean {
  const parsed = parseAddress(address);
  const holds = (subnet: string): boolean => contains(parseSubnet(subnet), parsed);
  return holds(cidr) && !except.some(holds);
}

function isPort({ ports }: Granted['allow'], flow: Flow, called: PolicedService | undefined): boolean {
  if (ports === undefined) return true;
  return ports.some((port) => {
    const range = 'name' in port ? called && numbered(port, called) : port;
    if (range === undefined) return false;
    return range.protocol === flow.protocol && range.first <= flow.port && flow.port <= range.last;
  });
}
