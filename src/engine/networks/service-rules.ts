import { serviceKey } from '#domain/app/service-key.ts';
import type { PublishedPort } from '#domain/container/container.ts';
import type { Network } from '#domain/network/network.ts';
import type { ServiceEndpoint, ServicePlace } from '#engine/contracts/services.ts';
import type { HostName } from '#ports/host-names.ts';
import type { BalancedService } from '#ports/packet-filter.ts';
import { addressesOf } from './address-book.ts';
import { protocolOf } from './host-ports.ts';
import type { NetworkBook } from './network-book.ts';

/** The network by which the ports of the host lead to a service: its first one with a way out. */
export function publishingNetwork(
  place: Pick<ServicePlace, 'settings'>,
  networks: Pick<NetworkBook, 'byId'>,
): Network | undefined {
  return place.settings.networks
    .map(({ id }) => networks.byId(id))
    .find((network) => network?.driver === 'bridge' && !network.internal);
}

/** `web.shop.berth`, by the first of its virtual addresses of each kind. */
export function hostNamesOf(places: readonly ServicePlace[]): HostName[] {
  return places
    .map(({ app, service, addresses }) => ({
      name: `${service}.${app}.berth`,
      addresses: Object.values(addresses)[0] ?? [],
    }))
    .filter((one) => one.addresses.length > 0);
}

/** How a service is spread in one of its networks. */
export function balancedIn(
  place: ServicePlace,
  network: Network,
  ports: readonly PublishedPort[],
  ready: readonly ServiceEndpoint[],
): BalancedService {
  const { affinity } = place.settings;
  const backends = ready
    .flatMap(({ endpoints }) => endpoints)
    .filter(({ networkId }) => networkId === network.id)
    .flatMap(addressesOf);
  return {
    key: `${serviceKey(place.app, place.service)}/${network.bridge}`,
    bridge: network.bridge,
    addresses: place.addresses[network.id] ?? [],
    backends,
    ...(affinity === undefined ? {} : { affinity }),
    ports: ports.map(({ container, hostIp, hostPort }) => ({
      protocol: protocolOf(container),
      hostIp,
      hostPort,
      targetPort: Number(container.split('/')[0]),
    })),
  };
}
