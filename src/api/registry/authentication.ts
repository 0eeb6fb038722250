import type { IncomingMessage } from 'node:http';
import { isKind } from '#base/errors.ts';
import { parseScopes, type Action } from '#domain/registry/rights.ts';
import type { BasicCredentials, Caller } from '#engine/registry/access.ts';
import type { Registry } from '#engine/registry/registry.ts';
import { answer, bodyOf, type Exchange, type Headers } from '#api/registry/exchange.ts';

const service = 'berth-registry';
const formLimit = 64 * 1024;

/** Who sends a request: by a bearer token, by name and password or token, or nobody known. @throws as Access */
export function callerOf(registry: Registry, request: IncomingMessage): Promise<Caller> | Caller {
  const { authorization = '' } = request.headers;
  const [, scheme = '', value = ''] = /^(\w+) +(\S+)$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return registry.access.bearer(value);
    case 'basic':
      return registry.access.basic(decodeBasic(value), request.socket.remoteAddress ?? '');
    default:
      return registry.access.anonymous();
  }
}

/** The name that a request gives itself with a password, right or wrong; '' without one. */
export function claimedName({ headers: { authorization = '' } }: IncomingMessage): string {
  const [, value = ''] = /^basic +(\S+)$/i.exec(authorization) ?? [];
  return decodeBasic(value).username.slice(0, 100);
}

function decodeBasic(value: string): BasicCredentials {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const at = text.indexOf(':');
  return { username: at < 0 ? text : text.slice(0, at), password: at < 0 ? '' : text.slice(at + 1) };
}

/** What a request needs. */
export interface Wanted {
  repository: string;
  action: Action;
  /** The repository that a blob is mounted from. */
  from?: string;
}

/** Where to get a token, and which one (distribution, "Token Authentication Specification"). */
export function challenge(
  request: IncomingMessage,
  isTls: boolean,
  wanted: Wanted | undefined,
  error: unknown,
): Headers {
  const { host = 'localhost' } = request.headers;
  const safeHost = /^[A-Za-z0-9.:[\]-]+$/.test(host) ? host : 'localhost';
  const fields = [`realm="${isTls ? 'https' : 'http'}://${safeHost}/token"`, `service="${service}"`];
  if (wanted !== undefined) {
    const words = wanted.action === 'push' ? 'pull,push' : wanted.action;
    // To take a blob from another repository, a client needs a token for that one too.
    const from = wanted.from === undefined ? '' : ` repository:${wanted.from}:pull`;
    fields.push(`scope="repository:${wanted.repository}:${words}${from}"`);
  }
  const problem = problemOf(request, error);
  if (problem !== undefined) fields.push(`error="${problem}"`);
  return { 'www-authenticate': `Bearer ${fields.join(',')}` };
}

/**
 * What is wrong with the token of a request; undefined for a request without one (RFC 6750, section 3.1). Docker's engine says
 * by it that the access is denied, and lets its client ask for a password otherwise.
 */
function problemOf({ headers }: IncomingMessage, error: unknown): string | undefined {
  if (!isKind(error, 'unauthorized') || !/^bearer /i.test(headers.authorization ?? '')) return undefined;
  return error.code === 'registry-token-invalid' ? 'invalid_token' : 'insufficient_scope';
}

/** `GET /token`: a bearer token for as much of what is asked as the caller may. */
export function getToken(exchange: Exchange): void {
  sendToken(exchange, exchange.caller, exchange.query.getAll('scope'));
}

/** `POST /token` (distribution, "OAuth2 Token Authentication"), grant type password. @throws as Access.basic */
export async function postToken(exchange: Exchange): Promise<void> {
  const { registry, request } = exchange;
  const form = new URLSearchParams(
    (await bodyOf(exchange, formLimit, 'registry-form-too-large')).toString('utf8'),
  );
  if (form.get('grant_type') !== 'password') {
    // Clients that get this ask by GET instead.
    answer(exchange, 405, { 'content-type': 'application/json' }, '{"error":"unsupported_grant_type"}');
    return;
  }
  const credentials = { username: form.get('username') ?? '', password: form.get('password') ?? '' };
  const caller = await registry.access.basic(credentials, request.socket.remoteAddress ?? '');
  sendToken(exchange, caller, form.getAll('scope'));
}

function sendToken(exchange: Exchange, caller: Caller, scopes: readonly string[]): void {
  const { token, expiresIn, issued } = exchange.registry.access.issue(caller, parseScopes(scopes));
  const body = { token, access_token: token, expires_in: expiresIn, issued_at: issued };
  answer(
    exchange,
    200,
    { 'content-type': 'application/json', 'cache-control': 'no-store' },
    JSON.stringify(body),
  );
}
