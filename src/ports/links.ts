/** How one end of a veth pair looks from inside a container. */
export interface EndpointLink {
  /** Path that createNamespace gave. */
  namespace: string;
  bridge: string;
  /** Name of the end on the host, at most 15 characters. */
  hostName: string;
  /** Name inside, such as eth0. */
  name: string;
  /** `02:42:ac:11:00:02` */
  mac: string;
  /** CIDR notation, IPv4 and IPv6. */
  addresses: string[];
  /** Default gateways, when this link is to carry the default route. */
  gateways: string[];
  mtu: number;
  /** Exchanges frames with the host only, not with the other links of the bridge. */
  isolated?: boolean;
}

export interface BridgeLink {
  name: string;
  /** The gateways in CIDR notation. */
  addresses: string[];
  mtu: number;
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
  removeNamespace(id: string): Promise<void>;
  /** Ids of the namespaces of this instance, for clean-up after a crash. */
  listNamespaces(): Promise<string[]>;
  namespacePath(id: string): string;
  /** Makes the bridge or brings it to this shape, up, with forwarding allowed on it. */
  ensureBridge(bridge: BridgeLink): Promise<void>;
  removeBridge(name: string): Promise<void>;
  /** Names of the links on the host that start with `prefix`. */
  listLinks(prefix: string): Promise<string[]>;
  /** Subnets (CIDR) of the host's routes, and its addresses, so that a new network does not take one. */
  usedSubnets(): Promise<string[]>;
  connect(link: EndpointLink): Promise<void>;
  /** Removes the named interface inside the namespace (and with it the end on the host). */
  disconnect(namespace: string, name: string): Promise<void>;
  /** Lets the named interface inside the namespace carry the default route. */
  routeBy(namespace: string, name: string, gateways: string[]): Promise<void>;
  /** Counters of each interface inside, loopback excepted. */
  counters(namespace: string): Promise<Record<string, LinkCounters>>;
}
