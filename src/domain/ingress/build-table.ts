import { fingerprint } from '#base/ids.ts';
import { canonical } from '#domain/app/canonical.ts';
import { standardShape, type IngressRoute, type IngressSettings } from './model.ts';
import type { Backend, IngressTable, Listener, Rule } from './table.ts';

type Ports = Pick<IngressSettings, 'httpPort' | 'httpsPort'>;

/** What the routes of all apps together ask of the balancer. The routes must have passed `checkRoutes`. */
export function buildTable(routes: readonly IngressRoute[], ports: Ports): IngressTable {
  const listeners = new Map<number, Listener>();
  const backends = new Map<string, Backend>();
  const ordered = strongestFirst(routes);
  for (const route of ordered) {
    const backend = backendOf(route);
    backends.set(backend.name, backend);
    const listener = listenerFor(route, ports, listeners);
    if (route.tls === 'passthrough') addPassthrough(listener, route.host, backend.name);
    else addRule(listener, { ...matchOf(route), target: { backend: backend.name } });
    if (endsTls(route)) addOnce(listener.hosts, route.host);
  }
  // What is served without TLS comes before what only leads to it.
  for (const route of ordered) addPlain(route, ports, listeners);
  const byName = [...backends.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { listeners: [...listeners.values()].sort((a, b) => a.port - b.port), backends: byName };
}

/** The port of the host on which a route is served. */
export function entrypointOf({ entrypoint, tls }: IngressRoute, { httpPort, httpsPort }: Ports): number {
  return entrypoint ?? (tls === 'off' ? httpPort : httpsPort);
}

/** Whether TLS connections for this route end at the balancer. */
export function endsTls({ tls }: Pick<IngressRoute, 'tls'>): boolean {
  return tls !== 'off' && tls !== 'passthrough';
}

export function backendOf(route: IngressRoute): Backend {
  const { app, service, port, shape } = route;
  const text = canonical(shape);
  const base = `${app}:${service}:${port}`;
  const mode = route.tls === 'passthrough' || shape.protocol === 'tcp' ? 'tcp' : 'http';
  const plain = mode === 'http' && text === canonical(standardShape);
  const name = plain ? base : `${base}:${mode === 'tcp' ? 'tcp-' : ''}${fingerprint(text).slice(0, 8)}`;
  return { name, app, service, port, shape, mode };
}

/** Of two routes for the same requests, the one of higher priority is met first and stays. */
function strongestFirst(routes: readonly IngressRoute[]): IngressRoute[] {
  return [...routes].sort((a, b) => b.priority - a.priority);
}

function listenerFor(route: IngressRoute, ports: Ports, into: Map<number, Listener>): Listener {
  const port = entrypointOf(route, ports);
  const known = into.get(port);
  // A port with requests stays one when TLS for other hosts is handed on there too.
  const mode = route.shape.protocol === 'tcp' || route.tls === 'passthrough' ? 'tcp' : 'http';
  if (known === undefined) {
    const { acceptProxy } = route;
    const made: Listener = {
      port,
      mode,
      tls: route.tls !== 'off',
      acceptProxy,
      rules: [],
      passthrough: [],
      hosts: [],
    };
    into.set(port, made);
    return made;
  }
  if (mode === 'http') known.mode = 'http';
  return known;
}

/** Requests without TLS for a host that has it; the authority that checks a host asks without TLS too. */
function addPlain(route: IngressRoute, ports: Ports, into: Map<number, Listener>): void {
  const isHttps =
    endsTls(route) && route.shape.protocol !== 'tcp' && entrypointOf(route, ports) === ports.httpsPort;
  if (!isHttps && route.tls !== 'acme') return;
  const plain = listenerFor(
    { ...route, shape: standardShape, tls: 'off', entrypoint: ports.httpPort },
    ports,
    into,
  );
  if (!isHttps) return;
  if (route.redirect) addRule(plain, { ...matchOf(route), target: { redirect: ports.httpsPort } });
  else addRule(plain, { ...matchOf(route), target: { backend: backendOf(route).name } });
}

function matchOf({ host, path, exact }: IngressRoute): Omit<Rule, 'target'> {
  return { host, path, exact };
}

function addRule({ rules }: Listener, rule: Rule): void {
  const same = (one: Rule): boolean =>
    one.host === rule.host && one.path === rule.path && one.exact === rule.exact;
  if (!rules.some(same)) rules.push(rule);
}

function addPassthrough({ passthrough }: Listener, host: string, backend: string): void {
  if (!passthrough.some((one) => one.host === host)) passthrough.push({ host, backend });
}

function addOnce(list: string[], value: string): void {
  if (value !== '' && !list.includes(value)) list.push(value);
}
