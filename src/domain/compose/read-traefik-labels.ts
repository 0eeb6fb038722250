import { standardShape, type BackendShape, type IngressEntry } from '#domain/ingress/model.ts';
import { faultsOf } from '#domain/ingress/faults.ts';
import { parseTraefikRule, type RuleMatch } from '#domain/ingress/traefik-rule.ts';
import { messageOf } from '#base/errors.ts';
import { MiddlewareReader } from './traefik-middlewares.ts';
import type { Reader } from './reader.ts';

/** Labels of one service, in small letters and without `traefik.`; what nobody asked for was not understood. */
export class TraefikLabels {
  readonly #values = new Map<string, string>();
  readonly #unread = new Set<string>();

  constructor(labels: Reader) {
    for (const [key, value] of labels.pairs()) {
      const name = key.toLowerCase();
      if (!name.startsWith('traefik.')) continue;
      this.#values.set(name.slice(8), value ?? '');
      this.#unread.add(name.slice(8));
    }
  }

  get(name: string): string | undefined {
    this.#unread.delete(name);
    return this.#values.get(name);
  }

  whole(name: string, place: Reader): number | undefined {
    const text = this.get(name);
    if (text === undefined || /^-?\d+$/.test(text)) return text === undefined ? undefined : Number(text);
    place.complain('traefik-label-invalid', `traefik.${name}: found '${text}', required is a whole number`);
    return undefined;
  }

  /** The next part of the names below a prefix, each once. */
  below(prefix: string): string[] {
    const found = [...this.#values.keys()].filter((key) => key.startsWith(prefix));
    return [...new Set(found.map((key) => key.slice(prefix.length).split('.')[0] ?? ''))];
  }

  get unread(): string[] {
    return [...this.#unread];
  }
}

/** Traefik's common labels as ingress entries. What is not understood is a warning at the labels. */
export function readTraefikLabels(labels: Reader): IngressEntry[] {
  const read = new TraefikLabels(labels);
  if (read.get('enable') === 'false') return [];
  read.get('docker.network');
  const entries = read.below('http.routers.').flatMap((name) => readRouter(name, read, labels));
  for (const name of read.unread)
    labels.warn(
      'traefik-label-not-read',
      `the label traefik.${name} is not read; x-berth.ingress may offer the same`,
    );
  return entries;
}

function readRouter(name: string, labels: TraefikLabels, place: Reader): IngressEntry[] {
  const router = `http.routers.${name}`;
  const rule = labels.get(`${router}.rule`) ?? '';
  const service = serviceOf(labels.get(`${router}.service`), labels, name);
  const middlewares = new MiddlewareReader(labels, place);
  const { shape, redirects } = middlewares.read(
    labels.get(`${router}.middlewares`),
    readService(service, labels),
  );
  const tls = readTls(router, labels, place);
  const priority = labels.whole(`${router}.priority`, place) ?? 0;
  const port = labels.whole(`http.services.${service}.loadbalancer.server.port`, place) ?? 0;
  // It only sends on to HTTPS, which a route with TLS does by itself.
  if (redirects && tls === 'off') return [];
  const { file, line } = place.tree?.at ?? { file: '', line: 1 };
  const entries = matchesOf(rule, router, place).map((match): IngressEntry => ({
    ...match,
    priority,
    port,
    tls,
    redirect: true,
    acceptProxy: false,
    shape,
    at: `${file}:${line}`,
  }));
  for (const { key, message } of entries.flatMap(faultsOf))
    place.complain('traefik-label-invalid', `traefik.${router}: ${key}: ${message}`);
  return entries;
}

function matchesOf(rule: string, router: string, place: Reader): RuleMatch[] {
  try {
    return parseTraefikRule(rule);
  } catch (error) {
    place.complain(
      'traefik-rule-invalid',
      `traefik.${router}.rule '${rule}' cannot be read: ${messageOf(error)}`,
    );
    return [];
  }
}

/** Traefik takes the one service that there is when a router names none. */
function serviceOf(named: string | undefined, labels: TraefikLabels, router: string): string {
  return named?.toLowerCase() ?? labels.below('http.services.')[0] ?? router;
}

function readService(name: string, labels: TraefikLabels): BackendShape {
  const balancer = `http.services.${name}.loadbalancer`;
  const cookie = labels.get(`${balancer}.sticky.cookie.name`);
  const sticky = cookie ?? (labels.get(`${balancer}.sticky.cookie`) === 'true' ? 'berth' : undefined);
  const protocol = labels.get(`${balancer}.server.scheme`) === 'h2c' ? ('h2c' as const) : ('http' as const);
  return { ...standardShape, protocol, ...(sticky === undefined ? {} : { sticky }) };
}

const plainNames = new Set(['web', 'http']);
const secureNames = new Set(['websecure', 'https']);

function readTls(router: string, labels: TraefikLabels, place: Reader): 'off' | 'acme' | 'internal' {
  const resolver = labels.get(`${router}.tls.certresolver`);
  const asked = labels.get(`${router}.tls`) === 'true' || resolver !== undefined;
  const points = (labels.get(`${router}.entrypoints`) ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);
  for (const point of points)
    if (!plainNames.has(point) && !secureNames.has(point))
      place.complain(
        'traefik-entrypoint-unknown',
        `traefik.${router}.entrypoints: found '${point}', required is web or websecure`,
        'x-berth.ingress takes any port as entrypoint',
      );
  if (resolver !== undefined) return 'acme';
  return asked || points.some((one) => secureNames.has(one)) ? 'internal' : 'off';
}
