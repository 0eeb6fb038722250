import type { IncomingMessage, ServerResponse } from 'node:http';
import { BerthError, isKind, notFound, unauthorized } from '#base/errors.ts';
import { checkRepositoryName, isRepositoryName } from '#domain/registry/names.ts';
import type { Registry } from '#engine/registry/registry.ts';
import {
  callerOf,
  challenge,
  claimedName,
  getToken,
  postToken,
  type Wanted,
} from '#api/registry/authentication.ts';
import { watch, type AccessLog } from '#api/registry/access-log.ts';
import { blobRoutes } from '#api/registry/blobs.ts';
import { registryError } from '#api/registry/errors.ts';
import { answer, answerJson, drain, type Exchange, type Route } from '#api/registry/exchange.ts';
import { manifestRoutes } from '#api/registry/manifests.ts';
import { uploadRoutes } from '#api/registry/uploads.ts';

const ping = /^\/v2\/?()()$/;
const token = /^\/token()()$/;

/** The uploads first: their paths would be blobs' otherwise. */
const routes: readonly Route[] = [
  { method: 'GET', path: ping, handle: greet },
  { method: 'HEAD', path: ping, handle: greet },
  { method: 'GET', path: token, handle: getToken },
  { method: 'POST', path: token, handle: postToken },
  ...uploadRoutes,
  ...blobRoutes,
  ...manifestRoutes,
];

/** Bytes of a refused request that are read before it is answered. */
const drainLimit = 32 * 1024 * 1024;

interface Found {
  route: Route;
  repository: string;
  reference: string;
}

export interface RouterOptions extends AccessLog {
  registry: Registry;
  isTls: boolean;
  report: (problem: string, error: unknown) => void;
}

/** Answers a request of the registry's API. */
export async function route(
  options: RouterOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let wanted: Wanted | undefined;
  let user = claimedName(request);
  watch(options, request, response, () => user);
  try {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    // Not by URL, which would resolve dots: a path that has any is no name.
    const [path = '', ...queries] = (request.url ?? '/').split('?');
    const query = new URLSearchParams(queries.join('?'));
    const { route: found, ...named } = find(request.method ?? 'GET', path);
    const repository = nameOf(options.registry, named.repository, query.get('ns'));
    const { action } = found;
    const from = query.get('from') ?? '';
    const mounted = isRepositoryName(from) ? { from } : {};
    wanted = action === undefined ? undefined : { repository, action, ...mounted };
    const caller = await callerOf(options.registry, request);
    user = caller.user;
    if (action !== undefined) options.registry.access.require(caller, repository, action);
    const { registry } = options;
    const exchange = { registry, request, response, query, caller, repository };
    await found.handle({ ...exchange, reference: named.reference, signal: gone.signal });
  } catch (error) {
    await drain(request, drainLimit);
    refuse(options, { request, response }, wanted, error);
  }
}

/** @throws not-found `registry-name-unknown`; unsupported `registry-method-unsupported` */
function find(method: string, path: string): Found {
  const fitting = routes.flatMap((each) => {
    const match = each.path.exec(path);
    return match === null
      ? []
      : [{ route: each, repository: match[1] ?? '', reference: decoded(match[2] ?? '') }];
  });
  // An upload's path is also that of a blob of the repository NAME/blobs: the first one counts.
  const [first] = fitting;
  if (first === undefined)
    throw notFound('registry-name-unknown', `there is nothing at '${path.slice(0, 300)}'`);
  const same = fitting.filter((one) => one.repository === first.repository);
  const found = same.find((one) => one.route.method === method);
  if (found !== undefined) return found;
  throw new BerthError('unsupported', 'registry-method-unsupported', `${method} is not offered there`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Clients that take this for a mirror name the registry that they mean in `ns`. */
function nameOf(registry: Registry, name: string, ns: string | null): string {
  if (name === '') return '';
  const repository = checkRepositoryName(name);
  return ns === null ? repository : (registry.mirrors.nameOf(ns, repository) ?? repository);
}

/** Clients learn here how to log in, so that nobody known is asked to, also where pulling needs no login. */
function greet(exchange: Exchange): void {
  const { registry, caller } = exchange;
  if (caller.user === '' && caller.scope === undefined && !registry.accounts.isOpen)
    throw unauthorized('registry-login-required', 'this registry needs a login');
  answerJson(exchange, {});
}

function refuse(
  { report, isTls }: RouterOptions,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  wanted: Wanted | undefined,
  error: unknown,
): void {
  const { status, body } = registryError(error);
  const isGone = response.destroyed || (request.destroyed && !request.complete);
  if (status >= 500 && !isGone) report(`the registry failed to answer ${request.method ?? ''}`, error);
  if (response.headersSent || isGone) {
    response.destroy();
    return;
  }
  const headers = isKind(error, 'unauthorized') ? challenge(request, isTls, wanted, error) : {};
  const retry = status === 429 ? { 'retry-after': '60' } : {};
  const json = { 'content-type': 'application/json' };
  answer({ request, response }, status, { ...json, ...headers, ...retry }, JSON.stringify(body));
}
