import type { Endpoint } from '#domain/container/container.ts';

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
  /** Told of every change of a list, and once of each list that is there now. */
  follow(follower: ServiceFollower): void;
  /** Resolves when every follower has done what follows from the containers as they are at this call. */
  settled(app: string, service: string): Promise<void>;
}
