import { conflict, type BerthError } from '#base/errors.ts';
import { entrypointOf } from './build-table.ts';
import type { IngressRoute, IngressSettings } from './model.ts';

type Ports = Pick<IngressSettings, 'httpPort' | 'httpsPort'>;

/**
 * Whether the routes of an app can stand beside each other and beside those of all other apps.
 * @throws conflict `ingress-conflict`, `ingress-port-conflict` naming both places
 */
export function checkRoutes(
  mine: readonly IngressRoute[],
  others: readonly IngressRoute[],
  ports: Ports,
): void {
  const met = new Map<string, IngressRoute>();
  const listeners = new Map<number, IngressRoute>();
  for (const route of [...others, ...mine]) {
    const port = entrypointOf(route, ports);
    const known = listeners.get(port);
    if (known !== undefined) checkPort(known, route, port);
    // What is handed on with its TLS stands beside both bytes and requests, so it does not speak for the port.
    if (known === undefined || known.tls === 'passthrough') listeners.set(port, route);
    const key = keyOf(route, port);
    const other = met.get(key);
    if (other !== undefined && other.priority === route.priority) throw same(other, route, port);
    if (other === undefined || other.priority < route.priority) met.set(key, route);
  }
}

/** What a route catches: of two with the same key only one can be served. */
function keyOf(route: IngressRoute, port: number): string {
  if (route.tls === 'passthrough') return `${port} tls ${route.host}`;
  if (route.shape.protocol === 'tcp') return route.tls === 'off' ? `${port}` : `${port} tls ${route.host}`;
  return `${port} ${route.host} ${route.path}${route.exact ? ' exactly' : ''}`;
}

function same(first: IngressRoute, second: IngressRoute, port: number): BerthError {
  const what =
    second.shape.protocol === 'tcp' && second.tls === 'off'
      ? `port ${port}`
      : `${second.host === '' ? 'any host' : `'${second.host}'`}, path '${second.path}', port ${port}`;
  return conflict(
    'ingress-conflict',
    `two services want the requests for ${what}: ${nameOf(first)} and ${nameOf(second)}`,
    { hint: 'change the host or path of one of them, or give one a higher priority' },
  );
}

/** Bytes cannot be shared with requests, nor TLS with its absence, on one port. */
function checkPort(known: IngressRoute, route: IngressRoute, port: number): void {
  const clash = (why: string): BerthError =>
    conflict(
      'ingress-port-conflict',
      `port ${port} cannot serve both ${nameOf(known)} and ${nameOf(route)}: ${why}`,
      {
        hint: 'give one of them another entrypoint port',
      },
    );
  if ((known.tls === 'off') !== (route.tls === 'off')) throw clash('only one of them speaks TLS');
  if (known.acceptProxy !== route.acceptProxy) throw clash('only one of them expects the PROXY protocol');
  if (isBytes(known) !== isBytes(route) && known.tls !== 'passthrough' && route.tls !== 'passthrough')
    throw clash('one is tcp, the other HTTP');
}

function isBytes({ shape }: IngressRoute): boolean {
  return shape.protocol === 'tcp';
}

export function nameOf({ app, service, at }: IngressRoute): string {
  return `${app}/${service} (${at})`;
}
