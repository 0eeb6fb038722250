import type { BackendServer, HostCertificate, IngressTable, Listener } from '#domain/ingress/table.ts';

/**
 * What stands between clients outside and the replicas of services. It goes on without the daemon, and the
 * next one takes it over. Every call says what shall be, so it can be repeated after a failure.
 */
export interface Balancer {
  /** Whether it can listen there, beside where it does already. @throws conflict `ingress-port-taken` */
  check(listeners: readonly Listener[]): Promise<void>;
  /**
   * Serves the table, and runs only while that has a listener. No request fails by the change. Backends keep
   * their servers.
   * @throws conflict `ingress-port-taken`; unavailable `balancer-failed`; what was served goes on
   */
  apply(table: IngressTable): Promise<void>;
  /**
   * The servers of a backend, also of one that comes with a later table. Who is no longer among them gets no new
   * requests and leaves when the running ones are done.
   */
  setServers(backend: string, servers: readonly BackendServer[]): Promise<void>;
  /** Offers it to clients that name its host, from the next connection on. */
  setCertificate(certificate: HostCertificate): Promise<void>;
  /** What it offers for a host, also since an earlier daemon, in PEM; undefined: nothing. */
  offered(host: string): Promise<string | undefined>;
  /** What is answered at a path by plain HTTP; undefined: nothing any more. */
  setChallenge(path: string, answer: string | undefined): Promise<void>;
  /** Of each backend that is served now, by name. */
  load(): Promise<ReadonlyMap<string, BackendLoad>>;
  /** Lets go of it; it goes on. */
  close(): void;
}

/** What a backend works on. */
export interface BackendLoad {
  /** Requests, in mode tcp connections, that go on now, and those that wait for a server. */
  inFlight: number;
  /** Requests so far; begins anew when another process takes over. */
  requests: number;
}
