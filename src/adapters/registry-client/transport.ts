import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SecureContext } from 'node:tls';
import { limitedBytes } from '#base/bytes.ts';
import { BerthError, internal } from '#base/errors.ts';
import { HostTls } from '#adapters/registry-client/host-tls.ts';
import { wordsOf } from '#adapters/files/connection-words.ts';
import { stalled, unreachable } from '#adapters/registry-client/transport-errors.ts';

export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
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

export interface TransportOptions {
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY are taken from it. */
  environment: NodeJS.ProcessEnv;
  /** Folders with certificates by host, as `/etc/docker/certs.d`. */
  certificateFolders: readonly string[];
  /** A connection that gives no byte for so long has stalled. */
  stallMillis: number;
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

const maxRedirects = 10;
/** How much longer than a connection may be silent the answer to an upload may take. */
const digestFactor = 5;

/** Sends requests, following redirects of GET and HEAD. Registries on this host are not reached by a proxy. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #tls: HostTls;
  readonly #http: { direct: HttpAgent; proxied: HttpAgent };
  /** For registries on this host and those that the settings call insecure: certificates are not checked. */
  readonly #unchecked: HttpsAgent;
  /** By what they trust. */
  readonly #https = new Map<SecureContext, HttpsAgent>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#tls = new HostTls(options.certificateFolders);
    this.#http = { direct: new HttpAgent(this.#agent(false)), proxied: new HttpAgent(this.#agent(true)) };
    this.#unchecked = new HttpsAgent({ ...this.#agent(false), rejectUnauthorized: false });
  }

  #agent(proxied: boolean): object {
    const options = { keepAlive: true, timeout: this.#options.stallMillis };
    return proxied ? { ...options, proxyEnv: this.#options.environment } : options;
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
      if (!URL.canParse(location, url)) throw unreachable(request, `it redirects to no URL: '${location}'`);
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw unreachable(request, `it redirects from https to '${next.protocol}//${next.host}'`);
      if (next.protocol !== 'https:' && next.protocol !== 'http:')
        throw unreachable(request, `it redirects to '${next.protocol}'`);
      // Credentials are for the host that asked for them.
      if (next.host !== url.host) headers = { ...headers, authorization: undefined };
      url = next;
    }
  }

  close(): void {
    const { direct, proxied } = this.#http;
    for (const agent of [direct, proxied, this.#unchecked, ...this.#https.values()]) agent.destroy();
  }

  async #agentFor(url: URL, insecure: boolean): Promise<HttpAgent | HttpsAgent> {
    if (url.protocol === 'http:') return insecure ? this.#http.direct : this.#http.proxied;
    const own = await this.#tls.of(url.host);
    // Who gives an insecure registry certificates wants them used: a client certificate above all.
    if (insecure && own === undefined) return this.#unchecked;
    const context = own ?? this.#tls.standard;
    const known = this.#https.get(context);
    if (known !== undefined) return known;
    const agent = new HttpsAgent({ ...this.#agent(!insecure), secureContext: context });
    this.#https.set(context, agent);
    return agent;
  }

  async #once(request: HttpRequest, insecure: boolean): Promise<HttpResponse> {
    try {
      const options: RequestOptions = {
        method: request.method,
        headers: dropUndefined(request.headers),
        signal: request.signal,
        agent: await this.#agentFor(request.url, insecure),
      };
      const message = await this.#answer(request, options);
      return { status: message.statusCode ?? 0, headers: message.headers, body: message, url: request.url };
    } catch (error) {
      request.signal.throwIfAborted();
      throw error instanceof BerthError ? error : unreachable(request, wordsOf(error), error);
    }
  }

  async #answer({ url, body }: HttpRequest, options: RequestOptions): Promise<IncomingMessage> {
    const sent = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    const answered = Promise.withResolvers<IncomingMessage>();
    sent.once('response', answered.resolve);
    sent.once('error', answered.reject);
    const { stallMillis } = this.#options;
    sent.setTimeout(stallMillis, () => sent.destroy(stalled(stallMillis)));
    // A registry may refuse an upload before it has read it: its answer counts, not the broken pipe.
    if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body);
    else {
      pipeline(body, sent).catch(answered.reject);
      // A registry that has all of a blob looks at its digest first, on a slow disk for long.
      sent.once('finish', () => sent.setTimeout(stallMillis * digestFactor));
    }
    const message = await answered.promise;
    sent.on('error', (error) => message.destroy(error));
    return message;
  }
}

function dropUndefined(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}
