import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { limitedBytes } from '#base/bytes.ts';
import { internal, messageOf, systemCode } from '#base/errors.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  url: URL;
  headers: OutgoingHttpHeaders;
  body?: Readable | Buffer | string;
  signal: AbortSignal;
}

/** The body has to be read or destroyed by the caller. */
export interface HttpResponse {
  status: number;
  headers: IncomingMessage['headers'];
  body: IncomingMessage;
  /** After redirects. */
  url: URL;
}

/** Bytes of an answer that is no blob. */
const maxText = 4 * 1024 * 1024;

/** The whole of an answer that is no blob. @throws internal `registry-answer-too-large` */
export async function textOf({ body, url }: HttpResponse): Promise<string> {
  const bytes = await limitedBytes(body, maxText, () =>
    internal(
      'registry-answer-too-large',
      `${url.origin}${url.pathname} answers with more than ${maxText} bytes`,
    ),
  );
  return Buffer.from(bytes).toString();
}

/** A connection that gives no byte for so long has stalled. */
const stallMillis = 60_000;
const maxRedirects = 10;

/** Sends requests, following redirects of GET and HEAD. Proxies are taken from the environment, as Docker does. */
export class Transport {
  readonly #verified: { http: HttpAgent; https: HttpsAgent };
  readonly #local: { http: HttpAgent; https: HttpsAgent };

  constructor(environment: NodeJS.ProcessEnv) {
    const options = { keepAlive: true, timeout: stallMillis };
    const proxied = { ...options, proxyEnv: environment };
    this.#verified = { http: new HttpAgent(proxied), https: new HttpsAgent(proxied) };
    // For registries on this host and those that the settings call insecure: certificates are not checked.
    this.#local = {
      http: new HttpAgent(options),
      https: new HttpsAgent({ ...options, rejectUnauthorized: false }),
    };
  }

  /**
   * @param mayBeInsecure is asked for the request and for each redirect
   * @throws internal `registry-unreachable` with Docker's words when no answer comes; the signal's reason
   */
  async send(request: HttpRequest, mayBeInsecure: (url: URL) => boolean): Promise<HttpResponse> {
    let { url } = request;
    let { headers } = request;
    for (let hops = 0; ; hops++) {
      const response = await this.#once({ ...request, url, headers }, mayBeInsecure(url));
      const location = response.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
      if (!isRedirect || location === undefined || (request.method !== 'GET' && request.method !== 'HEAD'))
        return response;
      response.body.resume();
      if (hops >= maxRedirects) throw unreachable(request, `stopped after ${maxRedirects} redirects`);
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw unreachable(request, `it redirects from https to '${next.protocol}//${next.host}'`);
      // Credentials are for the host that asked for them.
      if (next.host !== url.host) headers = { ...headers, authorization: undefined };
      url = next;
    }
  }

  close(): void {
    for (const agents of [this.#verified, this.#local])
      for (const agent of [agents.http, agents.https]) agent.destroy();
  }

  async #once(request: HttpRequest, insecure: boolean): Promise<HttpResponse> {
    const agents = insecure ? this.#local : this.#verified;
    const secure = request.url.protocol === 'https:';
    const options: RequestOptions = {
      method: request.method,
      headers: dropUndefined(request.headers),
      signal: request.signal,
      agent: secure ? agents.https : agents.http,
    };
    const sent = secure ? httpsRequest(request.url, options) : httpRequest(request.url, options);
    const answered = Promise.withResolvers<IncomingMessage>();
    sent.once('response', answered.resolve);
    sent.once('error', answered.reject);
    sent.setTimeout(stallMillis, () => sent.destroy(stalled()));
    try {
      // A registry may refuse an upload before it has read it: its answer counts, not the broken pipe.
      const body = request.body;
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body);
      else pipeline(body, sent).catch(answered.reject);
      const message = await answered.promise;
      sent.on('error', (error) => message.destroy(error));
      return { status: message.statusCode ?? 0, headers: message.headers, body: message, url: request.url };
    } catch (error) {
      request.signal.throwIfAborted();
      throw unreachable(request, wordsOf(error), error);
    }
  }
}

function dropUndefined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

function stalled(): Error {
  return Object.assign(new Error(`no data for ${stallMillis / 1000} seconds`), { code: 'ETIMEDOUT' });
}

/** `Get "http://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused`, as Go says it. */
function unreachable({ method, url }: HttpRequest, why: string, cause?: unknown): Error {
  const verb = `${method.slice(0, 1)}${method.slice(1).toLowerCase()}`;
  return internal('registry-unreachable', `${verb} "${url.origin}${url.pathname}": ${why}`, { cause });
}

const goWords: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

function wordsOf(error: unknown): string {
  // Where a name has several addresses, Node gives one error for each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = systemCode(first) ?? '';
  if (code === 'ECONNRESET') return 'read: connection reset by peer';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${hostOf(first)}: no such host`;
  const words = goWords[code];
  return words === undefined ? messageOf(first) : `dial tcp ${addressOf(first)}${words}`;
}

function hostOf(error: unknown): string {
  return error instanceof Error && 'hostname' in error ? String(error.hostname) : '';
}

function addressOf(error: unknown): string {
  if (!(error instanceof Error) || !('address' in error) || !('port' in error)) return '';
  const address = String(error.address);
  return `${isIP(address) === 6 ? `[${address}]` : address}:${String(error.port)}: `;
}

/** The connection failed in a way that another try may mend. */
export function isTransient(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemCode(cause) ?? '';
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code);
}
