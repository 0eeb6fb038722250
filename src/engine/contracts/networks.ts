import type { EndpointRequest } from '#domain/container/config.ts';
import type { Container, Endpoint, PublishedPort } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import type { Network } from '#domain/network/network.ts';

export interface NewNetwork {
  name: string;
  driver?: string;
  internal?: boolean;
  attachable?: boolean;
  ipv6?: boolean;
  options?: Record<string, string>;
  labels?: Record<string, string>;
  pools?: { subnet?: string; ipRange?: string; gateway?: string; auxiliary?: Record<string, string> }[];
  app?: string;
}

export interface Networks {
  /** By name, id or unambiguous start of an id. @throws not-found `network-missing` "network NAME not found" */
  get(name: string): Network;
  list(): Network[];
  create(request: NewNetwork): Promise<Network>;
  /** @throws conflict `network-in-use`, forbidden `network-predefined` */
  remove(name: string): Promise<void>;
  /** Validates a request (addresses in the pool ...) and gives an endpoint without addresses. */
  endpoint(
    container: { id: string; name: string; hostname: string },
    network: Network,
    request: EndpointRequest,
    index: number,
  ): Endpoint;
  /** A network namespace for the container. Gives its path. */
  createSandbox(containerId: string): Promise<string>;
  /** Leaves the namespace to the container's processes, of which `pid` is one. As Links.entrustNamespace. */
  entrustSandbox(containerId: string, pid: number): Promise<void>;
  /** Disconnects everything, frees addresses and ports, removes the namespace. Idempotent. */
  removeSandbox(container: Container): Promise<void>;
  /**
   * Allocates addresses and joins the sandbox to the network; the policies about the container hold before. Gives the
   * endpoint with its addresses.
   */
  attach(
    container: Pick<Container, 'id' | 'identity'>,
    endpoint: Endpoint,
    carriesDefaultRoute: boolean,
  ): Promise<Endpoint>;
  detach(containerId: string, endpoint: Endpoint): Promise<void>;
  /** Publishes the ports that the host configuration asks for. @throws conflict `port-taken` */
  publish(container: Container, wanted: WantedPort[]): Promise<PublishedPort[]>;
  unpublish(container: Container): Promise<void>;
  /** The ports of the host that lead to a container: its own, and while it runs those of its service. */
  portsOf(container: Container): PublishedPort[];
  /** Text of the container's resolv.conf. */
  resolvConf(container: Container): string;
  /** After a restart of the daemon: takes over what these running containers hold. */
  adopt(running: Container[]): Promise<void>;
  /** Who is joined to a network now, with addresses. */
  joined(network: Network): { container: Container; endpoint: Endpoint }[];
  /** Removes those of the networks that nobody is joined to. Gives their names. */
  prune(candidates: Network[]): Promise<string[]>;
  /** The room containers tells who is connected, for inspect, DNS and "in use". */
  connectedBy(source: (networkId: string) => { container: Container; endpoint: Endpoint }[]): void;
}
