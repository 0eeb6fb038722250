import type { ContainerConfig, HostConfig, PortBinding } from '#domain/container/config.ts';
import { invalid } from '#base/errors.ts';

/** A port that is to be published; a range of host ports means: the first free one of it. */
export interface WantedPort {
  /** `80/tcp` */
  container: string;
  hostIp: string;
  /** 0: a free port is chosen. */
  first: number;
  last: number;
}

/**
 * What HostConfig.PortBindings and PublishAllPorts ask for.
 * @throws invalid `port-invalid`
 */
export function wantedPorts(config: ContainerConfig, host: HostConfig): WantedPort[] {
  const bindings = Object.entries(host.PortBindings ?? {});
  const wanted = bindings.flatMap(([port, list]) => {
    const container = normalPort(port);
    return (list?.length ? list : [{}]).map((binding) => wantedPort(container, binding));
  });
  if (host.PublishAllPorts !== true) return wanted;
  const bound = new Set(wanted.map((port) => port.container));
  const exposed = Object.keys(config.ExposedPorts ?? {}).map(normalPort);
  return [...wanted, ...exposed.filter((port) => !bound.has(port)).map((port) => wantedPort(port, {}))];
}

/** `80` becomes `80/tcp`. @throws invalid `port-invalid` */
export function normalPort(text: string): string {
  const [number = '', protocol = 'tcp'] = text.split('/');
  if (!['tcp', 'udp', 'sctp'].includes(protocol))
    throw refused(`invalid port specification: "${text}": unknown protocol`);
  portNumber(number, text);
  return `${number}/${protocol}`;
}

function wantedPort(container: string, binding: PortBinding): WantedPort {
  const text = binding.HostPort ?? '';
  const [low = '', high = low] = text.split('-');
  const first = low === '' ? 0 : portNumber(low, text);
  const last = high === '' ? first : portNumber(high, text);
  if (last < first) throw refused(`invalid port specification: "${text}": the range ends before it begins`);
  return { container, hostIp: binding.HostIp ?? '', first, last };
}

function portNumber(digits: string, text: string): number {
  const number = Number(digits);
  if (/^\d+$/.test(digits) && number <= 65_535) return number;
  throw refused(`invalid port specification: "${text}": required is a number from 0 to 65535`);
}

function refused(message: string): Error {
  return invalid('port-invalid', message);
}
