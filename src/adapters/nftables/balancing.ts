import { parseAddress } from '#domain/network/cidr.ts';
import type { BalancedService, ServicePort } from '#ports/packet-filter.ts';
import type { Chain, Element } from './elements.ts';

// How connections are spread. Each kind of place that clients call (a virtual address, a port on all or on one of
// the host's addresses) has one map for all services, from the place and a number to a backend. A place with
// three backends goes to the chain that draws a number below three; such a chain is made once for each count.
//
// With affinity, a client's backend is remembered by a number of the backend's own (the lower 32 bits of its
// address), because the drawn numbers move when backends come and go. That number stands in the connection's
// mark, nft's only place for a value between two rules.
//
// nft 1.0.6 cannot mix protocols in a map to addresses with ports, so each protocol has its own, and runs out of
// registers when an IPv6 client stands beside what it called, so both are remembered by their hash.

type Version = 4 | 6;
type Protocol = ServicePort['protocol'];
type PortKind = `${'any' | 'exact'}${Version}_${Protocol}`;
type Kind = `vip${Version}` | PortKind;
export type BalancingSet = `${'spread' | 'slots' | 'owners' | 'held'}_${Kind}` | `closed_${PortKind}`;

interface Shape {
  kind: Kind;
  family: 'ip' | 'ip6';
  /** Declared type of a place, and how a packet says it. */
  type: string;
  place: string;
  target: string;
}

/** Filled by the packets themselves: client and place to backend. */
export const CLIENTS = 'clients';
/** More backends than any service has. */
const DRAWN = 'numgen random mod 65536';
const MOST_CLIENTS = 65_535;
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
const VERSIONS = [4, 6] as const;

/** Of a virtual address, or of a port on all (`any`) or one (`exact`) of the host's addresses. */
function shapeOf(version: Version, port?: { scope: 'any' | 'exact'; protocol: Protocol }): Shape {
  const family = version === 4 ? 'ip' : 'ip6';
  const type = `ipv${version}_addr`;
  const address = `${family} daddr`;
  if (port === undefined) return { kind: `vip${version}`, family, type, place: address, target: address };
  const number = `${port.protocol} dport`;
  const isExact = port.scope === 'exact';
  return {
    kind: `${port.scope}${version}_${port.protocol}`,
    family,
    type: isExact ? `${type} . inet_service` : 'inet_service',
    place: isExact ? `${address} . ${number}` : number,
    target: `${address} . ${number}`,
  };
}

const portShapes = (version: Version): Shape[] =>
  (['exact', 'any'] as const).flatMap((scope) =>
    PROTOCOLS.map((protocol) => shapeOf(version, { scope, protocol })),
  );

/** Sets and maps by name, with their types. */
export function balancingSets(): Record<string, string> {
  const sets: Record<string, string> = {
    [CLIENTS]: `map typeof ${DRAWN} : ct mark; size ${MOST_CLIENTS}; flags dynamic,timeout`,
  };
  for (const version of VERSIONS) {
    for (const { kind, type, place, target } of [shapeOf(version), ...portShapes(version)]) {
      sets[`spread_${kind}`] = `map type ${type} : verdict`;
      sets[`slots_${kind}`] = `map typeof ${place} . ${DRAWN} : ${target}`;
      sets[`owners_${kind}`] = `map typeof ${place} . ${DRAWN} : ct mark`;
      sets[`held_${kind}`] = `map typeof ${place} . ct mark : ${target}`;
    }
    for (const { kind, type } of portShapes(version)) sets[`closed_${kind}`] = `set type ${type}`;
  }
  return sets;
}

/** Rules for chains of the table: from a port of the host to its chain, and to the refusal of one without backends. */
export function portRules(): { published: string; closed: string } {
  const rules = (rule: (shape: Shape, match: string) => string): string =>
    VERSIONS.flatMap((version) =>
      portShapes(version).map((shape) => rule(shape, `meta nfproto ipv${version} ${shape.place}`)),
    ).join('\n');
  return {
    published: rules(({ kind }, match) => `${match} vmap @spread_${kind}`),
    closed: rules(({ kind }, match) => `${match} @closed_${kind} jump refuse`),
  };
}

/** Backends in the order of their numbers; those that stay keep theirs, so that little changes. */
export function ordered(former: readonly string[], wanted: readonly string[]): string[] {
  const slots: (string | undefined)[] = former
    .slice(0, wanted.length)
    .map((address) => (wanted.includes(address) ? address : undefined));
  const rest = wanted.filter((address) => !slots.includes(address));
  const filled = wanted.map((_, index) => slots[index] ?? rest.shift());
  return filled.filter((address) => address !== undefined);
}

/** `order` of the backends, by `ordered`. */
export function elementsOfService(service: BalancedService, order: readonly string[]): Element[] {
  const elements: Element[] = [];
  for (const address of service.addresses) {
    const version = versionOf(address);
    const backends = order.filter((one) => versionOf(one) === version);
    elements.push({ set: `virtual${version}`, key: address });
    elements.push(...spread(shapeOf(version), address, backends, service.affinity));
    for (const one of backends)
      for (const self of [one, address]) elements.push({ set: `selves${version}`, key: `${one} . ${self}` });
  }
  for (const port of service.ports) elements.push(...elementsOfPort(port, order, service.affinity));
  return elements;
}

function elementsOfPort(
  { protocol, hostIp, hostPort, targetPort }: ServicePort,
  order: readonly string[],
  affinity: number | undefined,
): Element[] {
  const version = versionOf(hostIp);
  const scope = ['', '0.0.0.0', '::'].includes(hostIp) ? 'any' : 'exact';
  const place = scope === 'any' ? String(hostPort) : `${hostIp} . ${hostPort}`;
  const backends = order.filter((one) => versionOf(one) === version).map((one) => `${one} . ${targetPort}`);
  if (backends.length === 0) return [{ set: `closed_${scope}${version}_${protocol}`, key: place }];
  return spread(shapeOf(version, { scope, protocol }), place, backends, affinity);
}

const versionOf = (address: string): Version => (address.includes(':') ? 6 : 4);

function spread(
  shape: Shape,
  place: string,
  backends: readonly string[],
  affinity: number | undefined,
): Element[] {
  if (backends.length === 0) return [];
  const { kind } = shape;
  const chain =
    affinity === undefined
      ? drawing(shape, backends.length)
      : remembering(shape, backends.length, Math.ceil(affinity));
  const entry: Element = { set: `spread_${kind}`, key: place, value: `goto ${chain.name}`, chain };
  const chosen = backends.flatMap((value, slot): Element[] =>
    affinity === undefined
      ? [{ set: `slots_${kind}`, key: `${place} . ${slot}`, value }]
      : [
          { set: `owners_${kind}`, key: `${place} . ${slot}`, value: markOf(value) },
          { set: `held_${kind}`, key: `${place} . ${markOf(value)}`, value },
        ],
  );
  return [entry, ...chosen];
}

/** Whether a chain is one that `elementsOfService` leads to. */
export function isOfServices(chain: string): boolean {
  return /^(draw|keep)_/.test(chain);
}

function drawing({ kind, family, place }: Shape, count: number): Chain {
  return {
    name: `draw_${kind}_${count}`,
    rules: [`dnat ${family} to ${place} . numgen random mod ${count} map @slots_${kind}`],
  };
}

function remembering({ kind, family, place }: Shape, count: number, seconds: number): Chain {
  // Without a seed of ours each rule would have its own.
  const client = `jhash ${family} saddr . ${place} mod 4294967295 seed 1`;
  const held = `${place} . ct mark`;
  const remember = `update @${CLIENTS} { ${client} timeout ${seconds}s : ct mark }`;
  const translate = `dnat ${family} to ${held} map @held_${kind}`;
  return {
    name: `keep_${kind}_${count}_${seconds}`,
    rules: [
      // A look-up that finds nothing ends its rule.
      `ct mark set ${client} map @${CLIENTS}`,
      `${held} @held_${kind} ${remember}`,
      translate,
      // The remembered backend is gone; an update would not replace it.
      `delete @${CLIENTS} { ${client} : ct mark }`,
      `ct mark set ${place} . numgen random mod ${count} map @owners_${kind}`,
      remember,
      translate,
    ],
  };
}

/** The lower 32 bits of the address that a backend (`address` or `address . port`) begins with. */
function markOf(backend: string): string {
  const [address = ''] = backend.split(' ');
  return `0x${(parseAddress(address).value & 0xffff_ffffn).toString(16).padStart(8, '0')}`;
}
