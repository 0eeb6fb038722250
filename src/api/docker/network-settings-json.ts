import { compareVersions } from '#api/versions.ts';
import { shortId } from '#base/ids.ts';
import type { Container, Endpoint } from '#domain/container/container.ts';
import { normalPort } from '#domain/container/port-bindings.ts';
import { hasProcess } from '#domain/container/state.ts';
import { isPredefined } from '#domain/network/request.ts';

interface Binding {
  HostIp: string;
  HostPort: string;
}

/** EndpointSettings of the Docker Engine API. */
function endpointJson(endpoint: Endpoint): Record<string, unknown> {
  const { request } = endpoint;
  return {
    IPAMConfig: request.IPAMConfig ?? null,
    Links: request.Links ?? null,
    Aliases: request.Aliases ?? null,
    MacAddress: endpoint.macAddress,
    DriverOpts: request.DriverOpts ?? null,
    GwPriority: request.GwPriority ?? 0,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.ipAddress === '' && endpoint.ip6Address === '' ? '' : endpoint.endpointId,
    Gateway: endpoint.gateway,
    IPAddress: endpoint.ipAddress,
    IPPrefixLen: endpoint.prefixLength,
    IPv6Gateway: endpoint.ip6Gateway,
    GlobalIPv6Address: endpoint.ip6Address,
    GlobalIPv6PrefixLen: endpoint.ip6PrefixLength,
    DNSNames: endpoint.dnsNames.length === 0 ? null : endpoint.dnsNames,
  };
}

export function networksJson(container: Container): Record<string, unknown> {
  return Object.fromEntries(
    container.endpoints.map((endpoint) => [endpoint.networkName, endpointJson(endpoint)]),
  );
}

export function networkSettingsJson(
  container: Container,
  sandbox: string,
  apiVersion: string,
): Record<string, unknown> {
  const running = hasProcess(container);
  return {
    Bridge: '',
    SandboxID: running ? container.id : '',
    SandboxKey: running ? sandbox : '',
    Ports: running ? portsJson(container) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...defaultBridgeJson(container),
    Networks: compareVersions(apiVersion, '1.45') < 0 ? withShortId(container) : networksJson(container),
  };
}

/** Before 1.45 the short id was among the aliases of networks that people made. */
function withShortId({ id, endpoints }: Container): Record<string, unknown> {
  return Object.fromEntries(
    endpoints.map((endpoint) => {
      const json = endpointJson(endpoint);
      if (isPredefined(endpoint.networkName)) return [endpoint.networkName, json];
      const aliases = [...(endpoint.request.Aliases ?? []), shortId(id)];
      return [endpoint.networkName, { ...json, Aliases: [...new Set(aliases)] }];
    }),
  );
}

/** The address on the default bridge, which old clients read here instead of in Networks. */
function defaultBridgeJson({ endpoints }: Container): Record<string, unknown> {
  const bridge = endpoints.find(({ networkName, ipAddress }) => networkName === 'bridge' && ipAddress !== '');
  if (bridge === undefined) return noBridge;
  return {
    EndpointID: bridge.endpointId,
    Gateway: bridge.gateway,
    GlobalIPv6Address: bridge.ip6Address,
    GlobalIPv6PrefixLen: bridge.ip6PrefixLength,
    IPAddress: bridge.ipAddress,
    IPPrefixLen: bridge.prefixLength,
    IPv6Gateway: bridge.ip6Gateway,
    MacAddress: bridge.macAddress,
  };
}

const noBridge = {
  EndpointID: '',
  Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  MacAddress: '',
};

/** Exposed ports with null, published ones with their bindings. */
function portsJson(container: Container): Record<string, Binding[] | null> {
  const ports: Record<string, Binding[] | null> = {};
  for (const port of Object.keys(container.config.ExposedPorts ?? {})) ports[normalPort(port)] = null;
  for (const { container: port, hostIp, hostPort } of container.ports)
    ports[port] = [...(ports[port] ?? []), { HostIp: shownIp(hostIp), HostPort: String(hostPort) }];
  return ports;
}

/** The Ports of a list entry. */
export function portListJson(container: Container): Record<string, unknown>[] {
  if (!hasProcess(container)) return [];
  const published = container.ports.map(({ container: port, hostIp, hostPort }) => ({
    IP: shownIp(hostIp),
    ...privatePort(port),
    PublicPort: hostPort,
  }));
  const bound = new Set(container.ports.map(({ container: port }) => port));
  const exposed = Object.keys(container.config.ExposedPorts ?? {}).map(normalPort);
  return [...published, ...exposed.filter((port) => !bound.has(port)).map(privatePort)];
}

function privatePort(port: string): { PrivatePort: number; Type: string } {
  const [number = '', protocol = ''] = port.split('/');
  return { PrivatePort: Number(number), Type: protocol };
}

function shownIp(hostIp: string): string {
  return hostIp === '' ? '0.0.0.0' : hostIp;
}
