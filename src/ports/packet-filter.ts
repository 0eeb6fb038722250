import type { RuleList } from '#domain/policy/compile.ts';

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
  /**
   * What its containers send each other passes these rules, so that a backend may see the client's own address;
   * else the gateway's takes its place.
   */
  seesBridged?: boolean;
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

/** A port of the host that leads to a service's backends. */
export interface ServicePort {
  protocol: Publication['protocol'];
  /** '' or 0.0.0.0 for all IPv4 addresses of the host, :: for all IPv6 addresses. */
  hostIp: string;
  hostPort: number;
  targetPort: number;
}

/**
 * New connections to a service's virtual addresses (every port of tcp, udp and sctp) and to its ports of the host
 * go to one of its backends, drawn at random; without a backend they are refused at once.
 */
export interface BalancedService {
  /** Unique. */
  key: string;
  /** Of the network that the addresses belong to; others cannot call them. */
  bridge: string;
  /** Virtual, IPv4 and IPv6. */
  addresses: string[];
  /** Addresses of those who answer, IPv4 and IPv6. */
  backends: string[];
  /** Seconds without a new connection for which a client keeps its backend; absent: it does not. */
  affinity?: number;
  ports: ServicePort[];
}

/** Who may call whom: lists of rules, groups of addresses that they speak of, and DNS names. */
export interface PolicyRules {
  lists: RuleList[];
  groups: string[];
  names: string[];
}

/** What new connections to and from an address are subject to, by the ids of lists; and the groups that it belongs to. */
export interface GuardedAddress {
  address: string;
  ingress: string;
  /** Absent: it may call everyone. */
  egress?: string;
  groups: string[];
}

export type FilterChange =
  | { do: 'add-network'; network: FilteredNetwork }
  | { do: 'remove-network'; bridge: string }
  | { do: 'publish'; publication: Publication }
  | { do: 'unpublish'; publication: Publication }
  | { do: 'set-service'; service: BalancedService }
  | { do: 'remove-service'; key: string }
  /** Nobody has the address any more: the clients of connections that were given to it are reset. */
  | { do: 'vacate'; address: string }
  /** In the place of all rules of policies; lists and groups that addresses are guarded by must be among them. */
  | { do: 'set-policies'; policies: PolicyRules }
  | { do: 'guard'; guarded: GuardedAddress }
  | { do: 'unguard'; address: string }
  /** For so many seconds from now the addresses are what a DNS name stands for. */
  | { do: 'allow-name'; name: string; addresses: readonly string[]; seconds: number };

/**
 * The kernel's packet rules of this instance, in a table of its own. The adapter mirrors its state in
 * memory and never lists rules at run time.
 */
export interface PacketFilter {
  /**
   * Replaces all rules of this instance by exactly these, in one transaction: at start, after a crash.
   * What clients with affinity are remembered is kept, and what DNS names of policies stand for.
   */
  reset(
    networks: FilteredNetwork[],
    publications: Publication[],
    services?: BalancedService[],
    policies?: { rules: PolicyRules; guarded: GuardedAddress[] },
  ): Promise<void>;
  /** All of the changes or none, in one transaction. Removing what is not there is fine. */
  apply(changes: FilterChange[]): Promise<void>;
  /** Removes the instance's table. */
  remove(): Promise<void>;
}

/** Holds host ports so that no other program takes them, and tells when one is taken. */
/** Where a container listens. */
export interface RelayTarget {
  address: string;
  port: number;
}

export interface PortReserver {
  /**
   * `port` 0 picks a free one (from the host's ephemeral range). Gives the port held.
   * @throws conflict `port-taken` with Docker's words "address already in use" in the message
   */
  reserve(protocol: 'tcp' | 'udp' | 'sctp', hostIp: string, port: number): Promise<number>;
  /**
   * Passes what comes to the held port itself on to a container: packets to ::1, which cannot be redirected. Again: to
   * another one from now on. Nothing for sctp, and for a port that is not held.
   */
  relay(protocol: 'tcp' | 'udp' | 'sctp', hostIp: string, port: number, target: RelayTarget): void;
  /** Idempotent. */
  release(protocol: 'tcp' | 'udp' | 'sctp', hostIp: string, port: number): void;
}
