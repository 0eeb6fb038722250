import type { IncomingMessage, ServerResponse } from 'node:http';
import { limitedBytes } from '#base/bytes.ts';
import { BerthError } from '#base/errors.ts';
import type { Action } from '#domain/registry/rights.ts';
import type { Caller } from '#engine/registry/access.ts';
import type { Registry } from '#engine/registry/registry.ts';

/** One request with all that its route needs. */
export interface Exchange {
  registry: Registry;
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
  caller: Caller;
  /** Checked. '' on routes without one. */
  repository: string;
  /** Tag, digest or id at the end of the path. */
  reference: string;
  /** Aborts when the client has gone. */
  signal: AbortSignal;
}

export type Handler = (exchange: Exchange) => Promise<void> | void;

export interface Route {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Its first group is the repository, its second the reference. */
  path: RegExp;
  /** What the caller needs on the repository; absent: nothing. */
  action?: Action;
  handle: Handler;
}

export type Headers = Readonly<Record<string, string | number | string[] | undefined>>;

/** Answers with a body that is ready; to HEAD with its headers only. */
export function answer(
  { request, response }: Pick<Exchange, 'request' | 'response'>,
  status: number,
  headers: Headers = {},
  body: string | Buffer = '',
): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, value);
  if (status !== 204 && status !== 304)
    response.setHeader('content-length', headers['content-length'] ?? Buffer.byteLength(body));
  if (request.method === 'HEAD') response.end();
  else response.end(body);
}

/** Whether a client has what it asks for (RFC 9110, If-None-Match), also by a digest without quotes. */
export function isKnown({ headers }: IncomingMessage, digest: string): boolean {
  const tags = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag.replace(/^W\//, '').replace(/^"|"$/g, '') === digest);
}

export function answerJson(exchange: Exchange, value: object, headers: Headers = {}): void {
  answer(exchange, 200, { 'content-type': 'application/json', ...headers }, JSON.stringify(value));
}

/** The length that a request announces; undefined for a chunked body. */
export function lengthOf({ headers }: IncomingMessage): number | undefined {
  const { 'content-length': text } = headers;
  return text === undefined ? undefined : Number(text);
}

/** @throws invalid with `code` (answered with 413) when more comes than `limit` bytes */
export async function bodyOf({ request }: Exchange, limit: number, code: string): Promise<Buffer> {
  const tooMuch = (): Error =>
    new BerthError('invalid', code, `the request's body is larger than the ${limit} bytes that are taken`);
  if ((lengthOf(request) ?? 0) > limit) throw tooMuch();
  return Buffer.from(await limitedBytes(bytesOf(request), limit, tooMuch));
}

/** The body; who stops reading leaves the connection as it is, so that the answer can still be sent. */
export function bytesOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  const bytes: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
  return bytes;
}

/** Reads what a client still sends of a refused body, up to so many bytes: many read no answer before all is sent. */
export async function drain(request: IncomingMessage, limit: number): Promise<void> {
  if (request.complete || request.destroyed) return;
  let seen = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  request.once('end', resolve).once('close', resolve).once('error', resolve);
  request.on('data', (chunk: Buffer) => {
    seen += chunk.length;
    if (seen > limit) resolve();
  });
  await promise;
}

/** A page of sorted names: `n` at most, after `last`; and where the next page is. @param path without a query */
export function page(
  names: readonly string[],
  query: URLSearchParams,
  path: string,
): { names: string[]; headers: Headers } {
  const asked = query.get('n');
  const limit = asked !== null && /^\d{1,9}$/.test(asked) ? Number(asked) : Infinity;
  const last = query.get('last') ?? '';
  const rest = last === '' ? names : names.filter((name) => name > last);
  const shown = rest.slice(0, limit);
  if (shown.length === rest.length || shown.length === 0) return { names: shown, headers: {} };
  const next = new URLSearchParams({ n: String(limit), last: shown.at(-1) ?? '' });
  return { names: shown, headers: { link: `<${path}?${next.toString()}>; rel="next"` } };
}
