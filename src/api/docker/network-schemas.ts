import { Type, type Static } from 'typebox';
import { notFound, unsupported } from '#base/errors.ts';
import type { EndpointRequest } from '#domain/container/config.ts';
import type { NewNetwork } from '#engine/contracts.ts';

const orNull = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

const Texts = orNull(Type.Record(Type.String(), Type.String()));
const Flag = orNull(Type.Boolean());
const Text = Type.Optional(Type.String());

const Pool = Type.Object({ Subnet: Text, IPRange: Text, Gateway: Text, AuxiliaryAddresses: Texts });

/** NetworkCreateRequest of the Docker Engine API. */
export const createBody = Type.Object({
  Name: Type.Optional(Type.String()),
  /** Always the case, so it asks for nothing. */
  CheckDuplicate: Flag,
  Driver: Text,
  Scope: Text,
  EnableIPv4: Flag,
  EnableIPv6: Flag,
  Internal: Flag,
  Attachable: Flag,
  Ingress: Flag,
  ConfigOnly: Flag,
  ConfigFrom: orNull(Type.Object({ Network: Text })),
  IPAM: orNull(Type.Object({ Driver: Text, Config: orNull(Type.Array(Pool)), Options: Texts })),
  Options: Texts,
  Labels: Texts,
});

type CreateBody = Static<typeof createBody>;

const Endpoint = Type.Object({
  IPAMConfig: orNull(
    Type.Object({ IPv4Address: Text, IPv6Address: Text, LinkLocalIPs: orNull(Type.Array(Type.String())) }),
  ),
  Links: orNull(Type.Array(Type.String())),
  Aliases: orNull(Type.Array(Type.String())),
  MacAddress: Text,
  DriverOpts: Texts,
  GwPriority: Type.Optional(Type.Integer()),
});

export const connectBody = Type.Object({ Container: Type.String(), EndpointConfig: orNull(Endpoint) });

export const disconnectBody = Type.Object({ Container: Type.String(), Force: Flag });

const endpointResults = [
  'NetworkID',
  'EndpointID',
  'Gateway',
  'IPAddress',
  'IPPrefixLen',
  'IPv6Gateway',
  'GlobalIPv6Address',
  'GlobalIPv6PrefixLen',
  'DNSNames',
];

/** Whether a field is one that inspect shows of an endpoint: clients send it back, and the engine decides it. */
export function isEndpointResult(path: string): boolean {
  return /\bEndpoints?Config\./.test(path) && endpointResults.includes(path.replace(/^.*\./, ''));
}

/**
 * What a create request asks of the engine.
 * @throws unsupported `network-field-unsupported`, not-found `ipam-driver-missing`
 */
export function newNetworkOf(body: CreateBody): NewNetwork {
  refuseUnsupported(body);
  const pools = (body.IPAM?.Config ?? []).map(({ Subnet, IPRange, Gateway, AuxiliaryAddresses }) => ({
    ...(Subnet !== undefined && { subnet: Subnet }),
    ...(IPRange !== undefined && IPRange !== '' && { ipRange: IPRange }),
    ...(Gateway !== undefined && Gateway !== '' && { gateway: Gateway }),
    ...(AuxiliaryAddresses !== undefined && AuxiliaryAddresses !== null && { auxiliary: AuxiliaryAddresses }),
  }));
  return {
    name: body.Name ?? '',
    ...(body.Driver !== undefined && { driver: body.Driver }),
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    ipv6: body.EnableIPv6 ?? false,
    options: body.Options ?? {},
    labels: body.Labels ?? {},
    pools,
  };
}

/** Fields that would change what the network does must not be passed over. */
function refuseUnsupported(body: CreateBody): void {
  const asked: Record<string, boolean> = {
    Ingress: body.Ingress === true,
    ConfigOnly: body.ConfigOnly === true,
    ConfigFrom: (body.ConfigFrom?.Network ?? '') !== '',
    'EnableIPv4=false': body.EnableIPv4 === false,
    'Scope=swarm': (body.Scope ?? 'local') !== 'local' && body.Scope !== '',
    'IPAM.Options': Object.keys(body.IPAM?.Options ?? {}).length > 0,
  };
  const field = Object.entries(asked).find(([, isAsked]) => isAsked)?.[0];
  if (field !== undefined)
    throw unsupported(
      'network-field-unsupported',
      `create network ${body.Name ?? ''}: ${field} is not supported`,
    );
  const driver = body.IPAM?.Driver ?? '';
  if (driver !== '' && driver !== 'default')
    throw notFound('ipam-driver-missing', `plugin "${driver}" not found`);
}

/** An endpoint request without the nulls that clients send for what they leave out. */
export function endpointOf(body: Static<typeof connectBody>): EndpointRequest {
  const config = body.EndpointConfig;
  if (config === undefined || config === null) return {};
  const { IPAMConfig, MacAddress, GwPriority, Links, Aliases, DriverOpts } = config;
  const addresses = IPAMConfig ?? {};
  return {
    IPAMConfig: {
      ...(addresses.IPv4Address !== undefined && { IPv4Address: addresses.IPv4Address }),
      ...(addresses.IPv6Address !== undefined && { IPv6Address: addresses.IPv6Address }),
      LinkLocalIPs: addresses.LinkLocalIPs ?? [],
    },
    ...(MacAddress !== undefined && { MacAddress }),
    ...(GwPriority !== undefined && { GwPriority }),
    ...(Links !== undefined && { Links }),
    ...(Aliases !== undefined && { Aliases }),
    ...(DriverOpts !== undefined && { DriverOpts }),
  };
}
