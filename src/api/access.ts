import type { FastifyInstance, FastifyRequest } from 'fastify';
import { forbidden, invalid, notFound } from '#base/errors.ts';
import { scopeNames, type Scope, type ScopedSocket } from '#domain/access/scope.ts';
import { always, routes } from '#api/access-routes.ts';

/** Looks at what a scoped socket asks for. */
export interface AccessLookup {
  /** Of a container by name or id, or of the container of an exec. @throws not-found */
  container: (ref: string) => { id: string; labels: Readonly<Record<string, string>> };
  containerOfExec: (id: string) => string;
}

/** The scope that opens a route. */
function scopeOfRoute(key: string): Scope | undefined {
  return scopeNames.find((scope) => routes[scope].includes(key));
}

/**
 * Refuses what a scoped socket does not allow. It is the route that was found that counts, not the text of the URL, so
 * that no way of writing a path leads around it; what no scope opens, also routes to come, is refused.
 */
export function guardScopes(
  app: FastifyInstance,
  scopeOf: (request: FastifyRequest) => ScopedSocket | undefined,
  lookup: AccessLookup,
): void {
  app.addHook('onRequest', async (request) => {
    const socket = scopeOf(request);
    if (socket !== undefined) {
      allow(request, socket);
      narrow(request, socket, lookup);
    }
    await Promise.resolve();
  });
  app.addHook('preSerialization', async (request, _reply, payload: unknown) => {
    const socket = scopeOf(request);
    const hides = socket?.allow.includes('containers:env') === false;
    return Promise.resolve(
      hides && request.routeOptions.url === '/containers/:id/json' ? withoutValues(payload) : payload,
    );
  });
}

/** @throws forbidden `scope-missing` */
function allow(request: FastifyRequest, socket: ScopedSocket): void {
  const { url = '' } = request.routeOptions;
  const key = `${request.method === 'HEAD' ? 'GET' : request.method} ${url}`;
  if (always.includes(key)) return;
  const needed = scopeOfRoute(key);
  if (needed === undefined || !socket.allow.includes(needed)) throw refused(request, socket, needed);
  // `docker top` hands its arguments to ps, which has a way to show environments.
  if (url.endsWith('/top') && hasQuery(request, 'ps_args') && !socket.allow.includes('containers:env'))
    throw refused(request, socket, 'containers:env');
}

function refused(request: FastifyRequest, socket: ScopedSocket, needed: Scope | undefined): Error {
  const path = request.originalUrl.split('?')[0] ?? '';
  const missing = needed === undefined ? 'which no scope opens' : `which needs the scope '${needed}'`;
  return forbidden(
    'scope-missing',
    `this socket does not allow ${request.method} ${path}, ${missing}; it allows ${socket.allow.join(', ')}`,
  );
}

/** With labels, other containers do not exist: lists and events are filtered, the rest is not found. */
function narrow(request: FastifyRequest, socket: ScopedSocket, lookup: AccessLookup): void {
  const wanted = Object.entries(socket.labels);
  if (wanted.length === 0) return;
  const { url = '' } = request.routeOptions;
  if (url === '/containers/json' || url === '/events') {
    addFilter(
      request,
      wanted.map(([key, value]) => `${key}=${value}`),
    );
    return;
  }
  const { params } = request;
  if (!isRecord(params) || typeof params['id'] !== 'string') return;
  const ref = url.startsWith('/exec/') ? lookup.containerOfExec(params['id']) : params['id'];
  const { id, labels } = lookup.container(ref);
  if (!wanted.every(([key, value]) => labels[key] === value))
    throw notFound('container-missing', `No such container: ${ref}`);
  // What was looked at is what is used, also when a name moves on in between.
  if (url.startsWith('/containers/')) params['id'] = id;
}

function addFilter(request: FastifyRequest, labels: string[]): void {
  const { query } = request;
  const text = isRecord(query) ? (query['filters'] ?? '') : undefined;
  if (!isRecord(query) || typeof text !== 'string') throw malformed(text);
  const filters = text === '' ? {} : parsed(text);
  const { label = [] } = filters;
  query['filters'] = JSON.stringify({ ...filters, label: [...valuesOf(label), ...labels] });
}

function valuesOf(label: unknown): unknown[] {
  if (Array.isArray(label)) return label;
  if (isRecord(label)) return Object.keys(label).filter((value) => label[value] === true);
  throw malformed(label);
}

function parsed(text: string): Record<string, unknown> {
  const json: (text: string) => unknown = JSON.parse;
  try {
    const value = json(text);
    if (isRecord(value) && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw malformed(text);
}

function malformed(found: unknown): Error {
  return invalid(
    'filter-invalid',
    `invalid filter: '${String(found)}' is not a JSON object of lists of strings`,
  );
}

function hasQuery(request: FastifyRequest, name: string): boolean {
  return isRecord(request.query) && request.query[name] !== undefined;
}

/** Names of environment variables stay, values go. */
function withoutValues(payload: unknown): unknown {
  if (!isRecord(payload) || !isRecord(payload['Config'])) return payload;
  const { Env: env } = payload['Config'];
  if (!Array.isArray(env)) return payload;
  const names = env.map((entry) => `${String(entry).split('=')[0] ?? ''}=***`);
  return { ...payload, Config: { ...payload['Config'], Env: names } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
