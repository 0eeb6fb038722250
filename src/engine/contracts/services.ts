import type { Endpoint, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';

/** A replica that is to be given requests. */
export interface ServiceEndpoint {
  containerId: string;
  containerName: string;
  replica: number;
  revision: number;
  /** Its places in networks, with addresses. */
  endpoints: Endpoint[];
}

/** One of those who act on who answers for a service: packet filter, name service, ingress. */
export interface ServiceFollower {
  /** Makes what it holds as `ready` says; called again with the newest list when one was missed. */
  apply(app: string, service: string, ready: readonly ServiceEndpoint[]): Promise<void>;
}

/** Who answers for each service of each app, as the containers are now. */
export interface Services {
  /** Sorted by replica; those that are ready and neither held nor draining. */
  ready(app: string, service: string): ServiceEndpoint[];
  /** Those that run and are to leave: only who is bound to one of them comes to it still. */
  draining(app: string, service: string): ServiceEndpoint[];
  /** Told of every change of a list, and once of each list that is there now. */
  follow(follower: ServiceFollower): void;
  /** Resolves when every follower has done what follows from the containers as they are at this call. */
  settled(app: string, service: string): Promise<void>;
}

/** A port that replicas answer on, for SRV records. */
export interface ServicePortName {
  name?: string;
  port: number;
  protocol: 'tcp' | 'udp' | 'sctp';
}

/** How others reach a service. */
export interface ServiceSettings {
  /** Of what the app says, to tell whether it changed; '' after a network has gone. */
  hash: string;
  /** By id; the first with a way out carries the published ports. */
  networks: { id: string; aliases: string[] }[];
  /** What its names stand for: a virtual address of its own, or the addresses of all ready replicas. */
  mode: 'vip' | 'dnsrr';
  /** Seconds without a new connection for which a client keeps its replica; absent: it does not. */
  affinity?: number;
  portNames: ServicePortName[];
  /** Ports of the host. */
  ports: WantedPort[];
  /** Addresses that containers are given by hand: they do not become virtual ones. */
  avoid: string[];
}

/** What a service holds for as long as it is part of its app, whatever comes and goes of its replicas. */
export interface ServicePlace {
  app: string;
  service: string;
  settings: ServiceSettings;
  /** Virtual ones by the network's id: IPv4, IPv6, or both. */
  addresses: Record<string, string[]>;
  /** Of the host, with what asked for each. */
  ports: { wanted: WantedPort; held: PublishedPort[] }[];
}

/** Addresses, names and ports of services; they survive restarts, updates and a scale of 0. */
export interface ServicePlaces extends ServiceFollower {
  /**
   * Gives a service its place, or changes it to what the settings now say: what can stay does. All or nothing.
   * @throws conflict `port-taken`, `addresses-exhausted`; invalid `publish-address-family` ...
   */
  declare(app: string, service: string, settings: ServiceSettings): Promise<ServicePlace>;
  /** Idempotent. */
  withdraw(app: string, service: string): Promise<void>;
  find(app: string, service: string): ServicePlace | undefined;
  list(app: string): ServicePlace[];
}
