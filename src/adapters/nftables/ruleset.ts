import { fingerprint } from '#base/ids.ts';
import { logGroupOf, POLICY_CHAINS, POLICY_SETS, type PolicySet } from './policies.ts';
import { balancingSets, CLIENTS, portRules, type BalancingSet } from './balancing.ts';

// The table of an instance. Its chains never change while the daemon runs: what comes and goes are elements
// of these sets and maps, so that publishing a port is one small transaction however many there are.

/** Sets and maps of the table by name, with their types. */
const SETS = {
  /** Every bridge of the instance. */
  bridges: 'set type ifname',
  /** Bridges of networks without a way out. */
  internal: 'set type ifname',
  /** Pairs of bridges that may talk: a bridge with itself. */
  peers: 'set type ifname . ifname',
  masquerade4: 'set type ipv4_addr; flags interval',
  masquerade6: 'set type ipv6_addr; flags interval',
  /** Subnet and its own bridge. */
  home4: 'set type ipv4_addr . ifname; flags interval',
  home6: 'set type ipv6_addr . ifname; flags interval',
  /** Published on one address of the host, and on all of them. */
  exact4: 'map type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service',
  any4: 'map type inet_proto . inet_service : ipv4_addr . inet_service',
  exact6: 'map type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service',
  any6: 'map type inet_proto . inet_service : ipv6_addr . inet_service',
  /** Bridges whose own traffic passes these rules. */
  bridged: 'set type ifname',
  /** Addresses of services. */
  virtual4: 'set type ipv4_addr',
  virtual6: 'set type ipv6_addr',
  /** Each backend of a service with itself and with the service's address: it calls the service and may be chosen itself. */
  selves4: 'set type ipv4_addr . ipv4_addr',
  selves6: 'set type ipv6_addr . ipv6_addr',
  /** Addresses that policies are about, and the chains of what is allowed. */
  ...POLICY_SETS,
} as const;

export type SetName = keyof typeof SETS | BalancingSet | PolicySet;

const CHAINS = `
chain services {
  ip daddr vmap @spread_vip4
  ip6 daddr vmap @spread_vip6
}
chain guard {
  type filter hook prerouting priority raw; policy accept;
  # route_localnet, which lets 127.0.0.1 reach containers, must not let containers reach 127.0.0.1.
  # (Packets that claim to come from there are dropped by the kernel: the address is the host's own.)
  iifname @bridges ip daddr 127.0.0.0/8 drop
}
chain published {
  meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . ip daddr . th dport map @exact4
  meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @any4
  meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . ip6 daddr . th dport map @exact6
  meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @any6
${portRules().published}
}
chain prerouting {
  type nat hook prerouting priority dstnat; policy accept;
  # A port that is published on 127.0.0.1 is not for those who send to that address from outside.
  ip daddr 127.0.0.0/8 return
  meta l4proto { tcp, udp, sctp } jump services
  # A container that publishes port 53 does not take the questions for our own resolver.
  iifname @bridges meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local return
  fib daddr type local jump published
}
chain output {
  type nat hook output priority -100; policy accept;
  # The kernel takes no answer for ::1 from elsewhere: relayed by the daemon, or refused at once, so that clients of
  # "localhost" go on to 127.0.0.1.
  ip6 daddr ::1 return
  meta l4proto { tcp, udp, sctp } jump services
  fib daddr type local jump published
}
chain postrouting {
  type nat hook postrouting priority srcnat; policy accept;
  # Answers must come back through the host: a container cannot answer to 127.0.0.1, and would answer a
  # neighbour directly, past the address translation.
  ip saddr 127.0.0.0/8 oifname @bridges masquerade
  ct original ip daddr @virtual4 goto spread4
  ct original ip6 daddr @virtual6 goto spread6
  ct status dnat ip saddr . oifname @home4 masquerade
  ct status dnat ip6 saddr . oifname @home6 masquerade
  ip saddr @masquerade4 oifname != @bridges masquerade
  ip6 saddr @masquerade6 oifname != @bridges masquerade
}
# What was called by a service's address. A container that is given its own call would drop it; one called by the
# host may have no way but to its neighbours.
chain spread4 {
  ip saddr . ip daddr @selves4 masquerade
  fib saddr type local masquerade
  oifname @bridged return
  masquerade
}
chain spread6 {
  ip6 saddr . ip6 daddr @selves6 masquerade
  fib saddr type local masquerade
  oifname @bridged return
  masquerade
}
# Nothing of the host listens on a service's address, or on a port that is held for one.
chain input {
  type filter hook input priority filter; policy accept;
  ct state established,related accept
  ip daddr @virtual4 jump refuse
  ip6 daddr @virtual6 jump refuse
${portRules().closed}
  iifname @bridges jump hostward
}
${POLICY_CHAINS}
chain refuse {
  meta l4proto tcp reject with tcp reset
  meta l4proto { udp, sctp } reject with icmpx port-unreachable
}
chain forward {
  type filter hook forward priority filter; policy accept;
  oifname @bridges goto inward
  iifname @internal drop
  iifname @bridges goto outward
}
chain inward {
  ct state established,related accept
  iifname . oifname @peers goto guarded
  iifname @internal drop
  oifname @internal drop
  # A service's address is for its own network.
  ct original ip daddr @virtual4 drop
  ct original ip6 daddr @virtual6 drop
  ct status dnat goto guarded
  drop
}`;

/** Commands that put the whole table, with nothing in its sets, in place of what is there. */
export function replaceTable(table: string): string {
  const shape = `chain ${shapeChain()} {\n}`;
  const chains = CHAINS.replaceAll('LOG_GROUP', String(logGroupOf(table)));
  return `${removeTable(table)}\ntable inet ${table} {\n${declarations().join('\n')}${chains}\n${shape}\n}`;
}

/** Commands that empty the sets of a table that has this shape; what packets have put into maps stays. */
export function emptySets(table: string): string {
  const ours = Object.entries({ ...SETS, ...balancingSets() }).filter(([name]) => name !== CLIENTS);
  return ours
    .map(([name, declaration]) => `flush ${declaration.split(' ')[0] ?? ''} inet ${table} ${name}`)
    .join('\n');
}

/** Prints the chains of all tables of the family, without their rules; `chainsIn` reads it. */
export const listChains = 'list chains inet';

/** The names of a table's chains; undefined where there is no table of this very shape. */
export function chainsIn(listing: string, table: string): string[] | undefined {
  const own = listing.split(/^(?=table)/m).find((text) => text.startsWith(`table inet ${table} {`)) ?? '';
  const names = [...own.matchAll(/^\tchain (\S+) \{/gm)].map(([, name = '']) => name);
  return names.includes(shapeChain()) ? names : undefined;
}

function declarations(): string[] {
  return Object.entries({ ...SETS, ...balancingSets() }).map(([name, declaration]) => {
    const [kind = '', ...type] = declaration.split(' ');
    return `${kind} ${name} { ${type.join(' ')}; }`;
  });
}

/** An empty chain whose name tells what the others and the sets are. */
function shapeChain(): string {
  return `shape_${fingerprint(declarations().join('\n') + CHAINS).slice(0, 12)}`;
}

/** Works whether the table is there or not. */
export function removeTable(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}`;
}
