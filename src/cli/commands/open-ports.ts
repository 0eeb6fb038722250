import type { RouteAnswer } from '#api/types/ingress.ts';
import type { PolicyAnswer } from '#api/types/policies.ts';
import type { Client } from '#cli/client.ts';
import type { Context } from '#cli/context.ts';

/** A port of this machine that leads to a container. */
export interface OpenPort {
  address: string;
  port: number;
  protocol: string;
  /** Who comes to it as far as Berth decides; a firewall before it may let fewer in. */
  reach: 'private' | 'lan' | 'public';
  /** APP/SERVICE, or a container. */
  holder: string;
  why: string;
}

interface ListedContainer {
  Names: string[];
  Labels: Record<string, string>;
  Ports: { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[];
}

/** `berth ports` */
export async function listPorts({ client, output }: Context): Promise<void> {
  const ports = await openPorts(await client());
  output.json(ports);
  output.table(
    [
      ['PORT', 'REACHED BY', 'HELD BY', 'WHY'],
      ...ports.map(({ address, port, protocol, reach, holder, why }) => [
        `${address.includes(':') ? `[${address}]` : address}:${port}/${protocol}`,
        reach,
        holder,
        why,
      ]),
    ],
    'No port of this machine leads to a container.',
  );
}

/** Those of containers and services, then those of ingress; sorted by number. */
export async function openPorts(client: Client): Promise<OpenPort[]> {
  const [containers, routes, policies] = await Promise.all([
    client.json<ListedContainer[]>({ path: '/containers/json' }),
    client.json<RouteAnswer[]>({ path: '/berth/v1/ingress' }),
    client.json<PolicyAnswer[]>({ path: '/berth/v1/policies' }),
  ]);
  const all = [...containers.flatMap((one) => published(one, policies)), ...routes.map(ofRoute)];
  const byText = new Map(all.map((one) => [JSON.stringify(one), one]));
  return [...byText.values()].sort((a, b) => a.port - b.port || a.holder.localeCompare(b.holder));
}

function published({ Names, Labels, Ports }: ListedContainer, policies: PolicyAnswer[]): OpenPort[] {
  const app = Labels['com.docker.compose.project'];
  const service = Labels['com.docker.compose.service'];
  const holder = app === undefined || service === undefined ? (Names[0] ?? '').slice(1) : `${app}/${service}`;
  const exposure = policies.find(
    (one) => one.name === 'x-berth.exposure' && one.app === app && one.selected.includes(service ?? ''),
  );
  return Ports.flatMap(({ IP = '0.0.0.0', PrivatePort, PublicPort, Type }): OpenPort[] => {
    if (PublicPort === undefined) return [];
    const reach = reachOf(IP);
    const isForAll = exposure?.ingress?.some(({ ports }) => ports?.includes(`${PrivatePort}/${Type}`));
    const isNarrowed = exposure !== undefined && reach === 'public' && isForAll !== true;
    const why = `published, to port ${PrivatePort} of the container`;
    return [
      {
        ...{ address: IP, port: PublicPort, protocol: Type, holder },
        reach: isNarrowed ? 'lan' : reach,
        why: isNarrowed ? `${why}; lan by ${exposure.at}` : why,
      },
    ];
  });
}

function ofRoute({ app, service, host, path, entrypoint, tls }: RouteAnswer): OpenPort {
  const where = `${host === '' ? 'any host' : host}${path}`;
  return {
    ...{
      address: '0.0.0.0',
      port: entrypoint,
      protocol: 'tcp',
      reach: 'public',
      holder: `${app}/${service}`,
    },
    why: `ingress for ${where}${tls === 'off' ? '' : `, TLS ${tls}`}`,
  };
}

function reachOf(address: string): OpenPort['reach'] {
  if (address.startsWith('127.') || address === '::1') return 'private';
  const isPrivate = /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|f[cd]|fe[89ab])/i.test(address);
  return isPrivate ? 'lan' : 'public';
}
