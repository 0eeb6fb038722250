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
} as const;

export type SetName = keyof typeof SETS;

const CHAINS = `
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
}
chain prerouting {
  type nat hook prerouting priority dstnat; policy accept;
  # A port that is published on 127.0.0.1 is not for those who send to that address from outside.
  ip daddr 127.0.0.0/8 return
  # A container that publishes port 53 does not take the questions for our own resolver.
  iifname @bridges meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local return
  fib daddr type local jump published
}
chain output {
  type nat hook output priority -100; policy accept;
  # The kernel takes no answer for ::1 from elsewhere. Refused at once, clients of "localhost" go on to 127.0.0.1.
  ip6 daddr ::1 return
  fib daddr type local jump published
}
chain postrouting {
  type nat hook postrouting priority srcnat; policy accept;
  # Answers must come back through the host: a container cannot answer to 127.0.0.1, and would answer a
  # neighbour directly, past the address translation.
  ip saddr 127.0.0.0/8 oifname @bridges masquerade
  ct status dnat ip saddr . oifname @home4 masquerade
  ct status dnat ip6 saddr . oifname @home6 masquerade
  ip saddr @masquerade4 oifname != @bridges masquerade
  ip6 saddr @masquerade6 oifname != @bridges masquerade
}
chain forward {
  type filter hook forward priority filter; policy accept;
  oifname @bridges goto inward
  iifname @internal drop
}
chain inward {
  ct state established,related accept
  iifname . oifname @peers accept
  iifname @internal drop
  oifname @internal drop
  ct status dnat accept
  drop
}`;

/** Commands that put the whole table, with nothing in its sets, in place of what is there. */
export function replaceTable(table: string): string {
  const sets = Object.entries(SETS).map(([name, declaration]) => {
    const [kind = '', ...type] = declaration.split(' ');
    return `${kind} ${name} { ${type.join(' ')}; }`;
  });
  return `${removeTable(table)}\ntable inet ${table} {\n${sets.join('\n')}${CHAINS}\n}`;
}

/** Works whether the table is there or not. */
export function removeTable(table: string): string {
  return `add table inet ${table}\ndelete table inet ${table}`;
}
