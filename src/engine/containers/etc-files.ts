import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { EtcPaths } from '#ports/container-files.ts';
import { extraHosts, hostsFile, ownEntry, parseLink, type HostsEntry } from '#domain/container/hosts-file.ts';

/**
 * Texts of /etc/hosts, /etc/hostname and /etc/resolv.conf.
 * @param find the container that a link names
 */
export async function etcTexts(
  { networks, files }: Pick<ContainerParts, 'networks' | 'files'>,
  container: Container,
  find: (ref: string) => Container | undefined,
): Promise<EtcPaths> {
  const shared = container.hostConfig.NetworkMode === 'host';
  const host = shared ? await files.ofHost() : undefined;
  const hostname = container.config.Hostname || host?.hostname.trim() || '';
  const entries = [
    ...extraHosts(container.hostConfig.ExtraHosts ?? [], hostGateway(networks, container)),
    ...linkEntries(container, find),
    ...ownEntries(container, hostname),
  ];
  return {
    hosts: hostsFile(entries, host?.hosts),
    hostname: `${hostname}\n`,
    resolvConf: networks.resolvConf(container),
  };
}

function ownEntries(container: Container, hostname: string): HostsEntry[] {
  const domain = container.config.Domainname ?? '';
  return container.endpoints
    .flatMap((endpoint) => [endpoint.ipAddress, endpoint.ip6Address])
    .filter((address) => address !== '')
    .map((address) => ownEntry(address, hostname, domain));
}

function linkEntries(container: Container, find: (ref: string) => Container | undefined): HostsEntry[] {
  const links = [
    ...(container.hostConfig.Links ?? []),
    ...container.endpoints.flatMap((endpoint) => endpoint.request.Links ?? []),
  ];
  return links.flatMap((text) => {
    const { container: ref, alias } = parseLink(text);
    const peer = find(ref);
    const address = peer?.endpoints.find((endpoint) => endpoint.ipAddress !== '')?.ipAddress;
    if (peer === undefined || address === undefined) return [];
    return [{ address, names: [alias, peer.config.Hostname ?? '', peer.name].filter((name) => name !== '') }];
  });
}

function hostGateway(networks: ContainerParts['networks'], container: Container): string {
  const bridge = networks.list().find((network) => network.name === 'bridge');
  const own = container.endpoints.find((endpoint) => endpoint.gateway !== '')?.gateway;
  return bridge?.pools[0]?.gateway ?? own ?? '';
}
