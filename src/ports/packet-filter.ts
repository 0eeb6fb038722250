export interface FilteredNetwork {
  /** Name of the bridge device; the key. */
  bridge: string;
  /** CIDR notation. */
  subnets: string[];
  /** No way out and no published ports. */
  internal: boolean;
  /** Rewrite the source of what leaves the host. */
  masquerade: boolean;
  /** Containers of the network reach each other. */
  interContainer: boolean;
}

export interface Publication {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** '' or 0.0.0.0 for all addresses of the host. */
  hostIp: string;
  hostPort: number;
  targetIp: string;
  targetPort: number;
  bridge: string;
}

export type FilterChange =
  | { do: 'add-network'; network: FilteredNetwork }
  | { do: 'remove-network'; bridge: string }
  | { do: 'publish'; publication: Publication }
  | { do: 'unpublish'; publication: Publication };

/**
 * The kernel's packet rules of this instance, in a table of its own. The adapter mirrors its state in
 * memory and never lists rules at run time.
 */
export interface PacketFilter {
  /** Replaces all rules of this instance by exactly these, in one transaction: at start, after a crash. */
  reset(networks: FilteredNetwork[], publications: Publication[]): Promise<void>;
  /** All of the changes or none, in one transaction. Removing what is not there is fine. */
  apply(changes: FilterChange[]): Promise<void>;
  /** Removes the instance's table. */
  remove(): Promise<void>;
}

/** Holds host ports so that no other program takes them, and tells when one is taken. */
export interface PortReserver {
  /**
   * `port` 0 picks a free one (from the host's ephemeral range). Gives the port held.
   * @throws conflict `port-taken` with Docker's words "address already in use" in the message
   */
  reserve(protocol: 'tcp' | 'udp' | 'sctp', hostIp: string, port: number): Promise<number>;
  /** Idempotent. */
  release(protocol: 'tcp' | 'udp' | 'sctp', hostIp: string, port: number): void;
}
