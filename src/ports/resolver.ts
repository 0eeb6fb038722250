/** Answers for a name asked by a container. Undefined: not ours, ask the host's resolvers. */
export interface NameSource {
  /** IPv4 and IPv6 addresses of a name, for the asker with this address. An empty list means: known, but without an address of this kind. */
  addresses(name: string, asker: string): { v4: string[]; v6: string[] } | undefined;
  /** Who answers on a named port (SRV), such as `_http._tcp.web`. */
  targets(name: string, asker: string): { name: string; port: number }[] | undefined;
  /** The name of an address (PTR). */
  nameOf(address: string, asker: string): string | undefined;
  /** Whether the answer for a name that is not ours is to be told by `resolved`. */
  awaits(name: string, asker: string): boolean;
  /** Told before the asker is: what others answered, and for how many seconds that is good. */
  resolved(name: string, asker: string, addresses: string[], seconds: number): Promise<void>;
  /** Resolvers to ask on behalf of this container instead of the host's; empty: none, it has no way out. */
  upstreams(asker: string): string[] | undefined;
}

/** The name service of the containers, over UDP and TCP, one listener for each bridge. */
export interface Resolver {
  /** Listens on a bridge's gateway address, port 53. Listening already: nothing happens. */
  listen(address: string, names: NameSource): Promise<void>;
  /** Idempotent. */
  unlisten(address: string): Promise<void>;
  /** Resolvers that the host uses and a container can reach. */
  upstreams(): string[];
  /** IPv4 and IPv6 addresses of a name as the host's resolvers tell them; none when they do not know it. */
  lookup(name: string): Promise<string[]>;
  /** Search domains of the host. */
  searchDomains(): string[];
  /** The host's resolv.conf as it is, for containers in the host's network. */
  hostFile(): string;
  close(): Promise<void>;
}
