import { parseLink } from '#domain/container/hosts-file.ts';

/** A running container that another one links to on the default bridge. */
export interface LinkedContainer {
  /** Its address on the default bridge. */
  address: string;
  env: readonly string[];
  /** `80/tcp`. */
  ports: readonly string[];
}

interface Port {
  number: number;
  protocol: string;
}

/** What belongs to the image of the linked container, not to what it offers. */
const ownVariables = new Set(['HOME', 'PATH']);

/**
 * The variables of a legacy link, in the order in which Docker sets them (moby, daemon/links.go, ToEnv).
 * @param owner name of the container that has the link
 * @param link as in HostConfig.Links
 */
export function linkVariables(owner: string, link: string, linked: LinkedContainer): string[] {
  const { alias } = parseLink(link);
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const ports = linked.ports.map(portOf).sort(byNumber);
  const url = ({ number, protocol }: Port): string => `${protocol}://${linked.address}:${number}`;
  const about = (port: Port, name: string): string[] => [
    `${name}=${url(port)}`,
    `${name}_ADDR=${linked.address}`,
    `${name}_PORT=${port.number}`,
    `${name}_PROTO=${port.protocol}`,
  ];
  const own = ({ number, protocol }: Port): string => `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  return [
    ...ports.slice(0, 1).map((port) => `${prefix}_PORT=${url(port)}`),
    ...ranges(ports).flatMap(([first, last]) => [
      `${own(first)}_START=${url(first)}`,
      ...about(first, own(first)).slice(1, 2),
      `${own(first)}_PROTO=${first.protocol}`,
      `${own(first)}_PORT_START=${first.number}`,
      `${own(first)}_END=${url(last)}`,
      `${own(first)}_PORT_END=${last.number}`,
    ]),
    ...ports.flatMap((port) => about(port, own(port))),
    `${prefix}_NAME=/${owner}/${alias}`,
    ...linked.env
      .filter((entry) => entry.includes('=') && !ownVariables.has(entry.split('=', 1)[0] ?? ''))
      .map((entry) => `${prefix}_ENV_${entry}`),
  ];
}

function portOf(text: string): Port {
  const [number = '', protocol = 'tcp'] = text.split('/');
  return { number: Number(number), protocol };
}

/** By number; of two with the same number tcp first. */
function byNumber(one: Port, other: Port): number {
  return one.number - other.number || Number(one.protocol !== 'tcp') - Number(other.protocol !== 'tcp');
}

/** First and last of each run of more than one port without a gap. */
function ranges(ports: Port[]): [Port, Port][] {
  const runs: Port[][] = [];
  for (const port of ports) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const follows = last !== undefined && last.protocol === port.protocol && last.number + 1 === port.number;
    if (follows) run?.push(port);
    else runs.push([port]);
  }
  return runs.flatMap((run): [Port, Port][] => {
    const [first, last] = [run[0], run.at(-1)];
    return first === undefined || last === undefined || run.length < 2 ? [] : [[first, last]];
  });
}
