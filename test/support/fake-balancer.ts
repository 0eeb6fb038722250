import type { BackendServer, IngressTable } from '#domain/ingress/table.ts';
import type { BackendLoad, Balancer } from '#ports/balancer.ts';

/** Holds what it is told; `failure` makes it refuse tables. */
export class FakeBalancer implements Balancer {
  table: IngressTable = { listeners: [], backends: [] };
  failure: Error | undefined;
  readonly servers = new Map<string, readonly BackendServer[]>();
  readonly certificates = new Map<string, string>();
  readonly check = (): Promise<void> => Promise.resolve();
  readonly load = (): Promise<ReadonlyMap<string, BackendLoad>> =>
    Promise.resolve(new Map(this.table.backends.map(({ name }) => [name, { inFlight: 2, requests: 7 }])));
  readonly offered = (host: string): Promise<string | undefined> =>
    Promise.resolve(this.certificates.get(host));
  readonly setChallenge = (): Promise<void> => Promise.resolve();
  readonly close = (): void => undefined;

  apply(table: IngressTable): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.table = table;
    return Promise.resolve();
  }

  setServers(backend: string, servers: readonly BackendServer[]): Promise<void> {
    this.servers.set(backend, servers);
    return Promise.resolve();
  }

  setCertificate({ host, pem }: { host: string; pem: string }): Promise<void> {
    this.certificates.set(host, pem);
    return Promise.resolve();
  }
}
