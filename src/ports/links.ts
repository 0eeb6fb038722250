/** How a link looks from inside a container. */
export interface InnerLink {
  /** Path that createNamespace gave. */
  namespace: string;
  /** Name inside, such as eth0. */
  name: string;
  /** `02:42:ac:11:00:02` */
  mac: string;
  /** CIDR notation, IPv4 and IPv6. */
  addresses: string[];
  /** Default gateways, when this link is to carry the default route. */
  gateways: string[];
  mtu: number;
  /** Files below /proc/sys and what is written into them; IFNAME in a path stands for `name`. */
  settings?: Readonly<Record<string, string>>;
}

/** One end of a veth pair; the other is in a bridge. */
export interface EndpointLink extends InnerLink {
  bridge: string;
  /** Name of the end on the host, at most 15 characters. */
  hostName: string;
  /** Exchanges frames with the host only, not with the other links of the bridge. */
  isolated?: boolean;
}

export type ChildKind = 'macvlan' | 'ipvlan';

/** A link that hangs on one of the host's. An mtu of 0 means the parent's; ipvlan has the parent's MAC address. */
export interface ChildLink extends InnerLink {
  kind: ChildKind;
  parent: string;
  mode: string;
  flag?: string;
}

export interface BridgeLink {
  name: string;
  /** Those of the host on it, in CIDR notation: gateways, and virtual addresses by themselves. */
  addresses: string[];
  mtu: number;
  /** What its ports send each other is to pass the packet filter. */
  filtered?: boolean;
}

export interface LinkCounters {
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

/** Network namespaces, bridges and veth pairs. Nothing here starts a process. All removals are idempotent. */
export interface Links {
  /** A namespace with loopback up, kept alive by a mount. Gives its path. */
  createNamespace(id: string): Promise<string>;
  /**
   * The mount goes: from now on the namespace lives as long as the processes in it, and its path leads to it by `pid`, one
   * of them. To be called again after a crash. Calls with the path of one that is gone throw not-found `namespace-missing`
   * or ENOENT.
   */
  entrustNamespace(id: string, pid: number): Promise<void>;
  removeNamespace(id: string): Promise<void>;
  /** Ids of the namespaces of this instance, for clean-up after a crash. */
  listNamespaces(): Promise<string[]>;
  namespacePath(id: string): string;
  /**
   * Makes the bridge or brings it to this shape, up, with forwarding allowed on it. Gives whether what its ports
   * send each other passes the packet filter: not every kernel can do that, and some do it unasked.
   */
  ensureBridge(bridge: BridgeLink): Promise<boolean>;
  /** Removes a link of the host that was made here, of whatever kind. */
  removeLink(name: string): Promise<void>;
  /** Whether the kernel can make links of this kind. */
  knows(kind: ChildKind | 'vlan'): Promise<boolean>;
  /** @throws not-found `link-missing` for a missing `link` */
  addVlan(name: string, vlan: { link: string; id: number }): Promise<void>;
  /** A link, up, that leads to another one called `pairOf(name)`, and so nowhere. There already: nothing happens. */
  ensurePair(name: string): Promise<void>;
  /** Whether the host has a link of this name. */
  has(name: string): Promise<boolean>;
  /** Names of the links on the host that start with `prefix`, and of VLANs that were made for the instance with it. */
  listLinks(prefix: string): Promise<string[]>;
  /** Subnets (CIDR) of the host's routes, and its addresses, so that a new network does not take one. */
  usedSubnets(): Promise<string[]>;
  connect(link: EndpointLink): Promise<void>;
  /** As `connect`, on a parent. */
  connectChild(link: ChildLink): Promise<void>;
  /** Removes the named interface inside the namespace (and with it the end on the host). */
  disconnect(namespace: string, name: string): Promise<void>;
  /** Lets the named interface inside the namespace carry the default route. */
  routeBy(namespace: string, name: string, gateways: string[]): Promise<void>;
  /** Counters of each interface inside, loopback excepted. */
  counters(namespace: string): Promise<Record<string, LinkCounters>>;
}
