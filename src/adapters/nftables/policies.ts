import { fingerprint } from '#base/ids.ts';
import type { FilterRule, RuleList, RulePeer } from '#domain/policy/compile.ts';
import { lanSubnets } from '#domain/policy/model.ts';
import type { GuardedAddress, PolicyRules } from '#ports/packet-filter.ts';
import type { Element } from './elements.ts';

// Policies in the table: a list of rules is a chain that is named by its content and never changes, a group is a pair of
// sets. An address leads to its chains by one element of each map, so containers come and go without a rule.

type Version = 4 | 6;
const VERSIONS = [4, 6] as const;

/** Of the members of a group, and of the addresses of a DNS name. */
export type PolicySet = `${'g' | 'n'}${Version}_${string}`;

/** Written by `refused_in` and `refused_out`. */
export const PREFIX = { ingress: 'in', egress: 'out' } as const;

/** Within what is left by the rules, and before what the host itself listens on. */
export const POLICY_CHAINS = `
chain guarded {
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } return
  # Nobody is kept from itself.
  ip saddr . ip daddr @selves4 return
  ip6 saddr . ip6 daddr @selves6 return
  ip saddr vmap @egress4
  ip6 saddr vmap @egress6
  ip daddr vmap @ingress4
  ip6 daddr vmap @ingress6
}
# Calls of a service's address, before it is translated: a refusal must come from the address that was called.
chain called {
  type filter hook prerouting priority dstnat - 5; policy accept;
  iifname @bridges ct state new ip daddr @virtual4 jump guarded
  iifname @bridges ct state new ip6 daddr @virtual6 jump guarded
}
chain outward {
  ct state established,related accept
  goto guarded
}
chain hostward {
  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert } return
  # Our own resolver.
  meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local return
  ip saddr vmap @egress4
  ip6 saddr vmap @egress6
}
chain refused_in {
  limit rate 20/second burst 40 packets log prefix "${PREFIX.ingress}" group LOG_GROUP
  # At once, and for every one: the kernel sends few ICMP errors in a second.
  meta l4proto tcp reject with tcp reset
  reject with icmpx admin-prohibited
}
chain refused_out {
  limit rate 20/second burst 40 packets log prefix "${PREFIX.egress}" group LOG_GROUP
  # At once, and for every one: the kernel sends few ICMP errors in a second.
  meta l4proto tcp reject with tcp reset
  reject with icmpx admin-prohibited
}`;

/** Of the netlink log to which the table writes what it refuses; instances do not share one. */
export function logGroupOf(table: string): number {
  return (Number.parseInt(fingerprint(table).slice(0, 4), 16) % 65_534) + 1;
}

export const POLICY_SETS = {
  egress4: 'map type ipv4_addr : verdict',
  egress6: 'map type ipv6_addr : verdict',
  ingress4: 'map type ipv4_addr : verdict',
  ingress6: 'map type ipv6_addr : verdict',
} as const;

const short = (text: string): string => fingerprint(text).slice(0, 12);
const groupSet = (group: string, version: Version): PolicySet => `g${version}_${short(group)}`;
const nameSet = (name: string, version: Version): PolicySet => `n${version}_${short(name)}`;
const chainOf = (list: string): string => `p_${list}`;
const familyOf = (version: Version): string => (version === 4 ? 'ip' : 'ip6');
const versionOf = (address: string): Version => (address.includes(':') ? 6 : 4);

export function elementsOfGuard({ address, ingress, egress, groups }: GuardedAddress): Element[] {
  const version = versionOf(address);
  return [
    { set: `ingress${version}`, key: address, value: `jump ${chainOf(ingress)}` },
    ...(egress === undefined
      ? []
      : [{ set: `egress${version}` as const, key: address, value: `jump ${chainOf(egress)}` }]),
    ...groups.map((group): Element => ({ set: groupSet(group, version), key: address })),
  ];
}

/** What a table has of policies beside the elements. */
export class PolicyTable {
  readonly #table: string;
  readonly #chains: ReadonlyMap<string, RuleList>;
  /** Declarations by name. */
  readonly #sets: ReadonlyMap<string, string>;

  constructor(table: string, { lists, groups, names }: PolicyRules) {
    this.#table = table;
    this.#chains = new Map(lists.map((list) => [chainOf(list.id), list]));
    const of = (make: (version: Version) => string, flags: string): [string, string][] =>
      VERSIONS.map((version) => [make(version), `{ type ipv${version}_addr; ${flags} }`]);
    this.#sets = new Map([
      ...groups.flatMap((group) => of((version) => groupSet(group, version), '')),
      ...names.flatMap((name) => of((version) => nameSet(name, version), 'flags timeout;')),
    ]);
  }

  has(set: string): boolean {
    return this.#sets.has(set);
  }

  /** Whether a table with these chains has exactly these sets. */
  isIn(chains: readonly string[]): boolean {
    return chains.includes(this.#marker());
  }

  /** Commands before any element changes, and after: what `former` has is taken over or taken away. */
  changes(former: PolicyTable): { before: string[]; after: string[] } {
    const come = [...this.#sets].filter(([name]) => !former.#sets.has(name));
    const gone = [...former.#sets.keys()].filter((name) => !this.#sets.has(name));
    const isSame = this.#marker() === former.#marker();
    return {
      before: [
        ...come.map(([name, type]) => `add set inet ${this.#table} ${name} ${type}`),
        ...(isSame ? [] : [`add chain inet ${this.#table} ${this.#marker()}`]),
        ...this.#newChains([...former.#chains.keys()]),
      ],
      after: [
        ...this.#oldChains([...former.#chains.keys()]),
        ...gone.map((name) => `delete set inet ${this.#table} ${name}`),
        ...(isSame ? [] : [`delete chain inet ${this.#table} ${former.#marker()}`]),
      ],
    };
  }

  /** Commands for a table that was replaced: nothing of policies is there. */
  creation(): string[] {
    return [
      ...[...this.#sets].map(([name, type]) => `add set inet ${this.#table} ${name} ${type}`),
      `add chain inet ${this.#table} ${this.#marker()}`,
      ...this.#newChains([]),
    ];
  }

  /** Commands for a table that has the sets and these chains, after its maps were emptied; what names stand for is kept. */
  refresh(chains: readonly string[]): string[] {
    const groups = [...this.#sets.keys()].filter((name) => name.startsWith('g'));
    const present = chains.filter((name) => name.startsWith('p_'));
    return [
      ...groups.map((name) => `flush set inet ${this.#table} ${name}`),
      ...this.#oldChains(present),
      ...this.#newChains(present),
    ];
  }

  /** Addresses of a DNS name for so many seconds from now; nothing when no rule speaks of the name. */
  allowName(name: string, addresses: readonly string[], seconds: number): string[] {
    return addresses.flatMap((address) => {
      const set = nameSet(name, versionOf(address));
      if (!this.has(set)) return [];
      const at = `inet ${this.#table} ${set}`;
      const timed = `add element ${at} { ${address} timeout ${seconds}s }`;
      // An element that is there keeps its time.
      return [timed, `delete element ${at} { ${address} }`, timed];
    });
  }

  #newChains(present: readonly string[]): string[] {
    return [...this.#chains]
      .filter(([name]) => !present.includes(name))
      .flatMap(([name, list]) => {
        const at = `inet ${this.#table} ${name}`;
        return [`add chain ${at}`, ...rulesOf(list).map((rule) => `add rule ${at} ${rule}`)];
      });
  }

  #oldChains(present: readonly string[]): string[] {
    return present
      .filter((name) => !this.#chains.has(name))
      .flatMap((name) => [
        `flush chain inet ${this.#table} ${name}`,
        `delete chain inet ${this.#table} ${name}`,
      ]);
  }

  /** An empty chain whose name tells which sets there are. */
  #marker(): string {
    return `sets_${short([...this.#sets.keys()].sort().join(' '))}`;
  }
}

function rulesOf({ direction, rules, otherwise }: RuleList): string[] {
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  const allowed = rules.flatMap((rule) =>
    matchesOf(rule, side).map((match) => `${match} ${portOf(rule)} return`.trim()),
  );
  if (otherwise === 'refuse') return [...allowed, `goto refused_${PREFIX[direction]}`];
  return [
    ...allowed,
    // By a port of the host, which is for everyone.
    'ct status dnat ct original ip daddr != @virtual4 return',
    'ct status dnat ct original ip6 daddr != @virtual6 return',
    ...VERSIONS.map(
      (version) =>
        `${familyOf(version)} ${side} @${groupSet('apps', version)} goto refused_${PREFIX[direction]}`,
    ),
  ];
}

function matchesOf({ peer }: FilterRule, side: 'saddr' | 'daddr'): string[] {
  switch (peer.kind) {
    case 'any':
      return [''];
    case 'group':
      return VERSIONS.map((version) => `${familyOf(version)} ${side} @${groupSet(peer.group, version)}`);
    case 'name':
      return VERSIONS.map((version) => `${familyOf(version)} ${side} @${nameSet(peer.name, version)}`);
    case 'cidr':
      return [subnetMatch(peer, side)];
    case 'host':
      // What comes from the host does not pass here.
      return side === 'saddr' ? [] : ['fib daddr type local'];
    case 'lan':
      return lanSubnets.map(
        (cidr) => `${outside(side)} ${subnetMatch({ kind: 'cidr', cidr, except: [] }, side)}`,
      );
    case 'world':
      return [outside(side)];
  }
}

function outside(side: 'saddr' | 'daddr'): string {
  return side === 'saddr' ? 'iifname != @bridges' : 'fib daddr type != local oifname != @bridges';
}

function subnetMatch({ cidr, except }: RulePeer & { kind: 'cidr' }, side: 'saddr' | 'daddr'): string {
  const version = versionOf(cidr);
  const address = `${familyOf(version)} ${side}`;
  const whole = cidr.endsWith('/0') ? `meta nfproto ipv${version}` : `${address} ${cidr}`;
  return [whole, ...except.map((part) => `${address} != ${part}`)].join(' ');
}

function portOf({ port }: FilterRule): string {
  if (port === undefined) return '';
  const { protocol, first, last } = port;
  return `${protocol} dport ${first === last ? first : `${first}-${last}`}`;
}
