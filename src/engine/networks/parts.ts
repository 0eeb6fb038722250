import type { Instance } from '#domain/instance.ts';
import type { Container, Endpoint } from '#domain/container/container.ts';
import type { Events } from '#engine/contracts.ts';
import type { PolicyMembers } from '#engine/contracts/policies.ts';
import type { Clock } from '#ports/clock.ts';
import type { HostNames } from '#ports/host-names.ts';
import type { Links } from '#ports/links.ts';
import type { PacketFilter, PortReserver } from '#ports/packet-filter.ts';
import type { Resolver } from '#ports/resolver.ts';
import type { StateStore } from '#ports/state-store.ts';

/** What the room networks needs of the world. */
export interface NetworkParts {
  store: Pick<StateStore, 'collection'>;
  links: Links;
  filter: PacketFilter;
  ports: PortReserver;
  resolver: Resolver;
  policies: PolicyMembers;
  hostNames: HostNames;
  clock: Pick<Clock, 'timestamp'>;
  events: Pick<Events, 'emit'>;
  instance: Instance;
  /** Told what went wrong without being able to fail a request. */
  report: (message: string, error: unknown) => void;
}

export interface Connected {
  container: Container;
  endpoint: Endpoint;
}
