/** One address pool of a network, in CIDR notation. */
export interface AddressPool {
  subnet: string;
  ipRange?: string;
  gateway: string;
  auxiliary?: Record<string, string>;
}

/** What the state store holds of a network. */
export interface Network {
  id: string;
  name: string;
  /** RFC 3339 with nanoseconds. */
  created: string;
  driver: 'bridge' | 'host' | 'null';
  scope: 'local';
  ipv6: boolean;
  internal: boolean;
  attachable: boolean;
  /** As the create request gave them. */
  options: Record<string, string>;
  labels: Record<string, string>;
  pools: AddressPool[];
  ipamOptions: Record<string, string>;
  /** Name of the bridge device; '' for host and null. */
  bridge: string;
  mtu: number;
  /** The app that it belongs to, when an app made it. */
  app?: string;
}
