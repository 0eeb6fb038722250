/** One address pool of a network, in CIDR notation. */
export interface AddressPool {
  subnet: string;
  ipRange?: string;
  gateway: string;
  auxiliary?: Record<string, string>;
}

/** The link of the host on which the containers of a macvlan or ipvlan network hang. */
export interface ParentLink {
  name: string;
  /** Of macvlan: bridge, private, vepa or passthru; of ipvlan: l2, l3 or l3s. */
  mode: string;
  /** Of ipvlan: bridge, private or vepa. */
  flag?: string;
  /** What we made, and remove with the network: a VLAN of a link, or a pair of links that leads nowhere. */
  made?: 'vlan' | 'pair';
}

/** What the state store holds of a network. */
export interface Network {
  id: string;
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  driver: 'bridge' | 'host' | 'null' | 'macvlan' | 'ipvlan';
  scope: 'local';
  ipv6: boolean;
  internal: boolean;
  attachable: boolean;
  /** As the create request gave them. */
  options: Record<string, string>;
  labels: Record<string, string>;
  pools: AddressPool[];
  ipamOptions: Record<string, string>;
  /** Name of the bridge device; '' where there is none. */
  bridge: string;
  /** Of macvlan and ipvlan. */
  parent?: ParentLink;
  /** Bytes; 0: the parent's. */
  mtu: number;
  /** The app that it belongs to, when an app made it. */
  app?: string;
}
