import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { internal, isKind } from '#base/errors.ts';
import { endpointOf, mayBeInsecure, scopeOf, type Actions } from '#adapters/registry-client/endpoints.ts';
import { Tokens } from '#adapters/registry-client/tokens.ts';
import {
  isTransient,
  Transport,
  type HttpRequest,
  type HttpResponse,
} from '#adapters/registry-client/transport.ts';
import type { Reference } from '#domain/image/reference.ts';
import type { Credentials } from '#ports/registry-client.ts';

/** How often something is tried before its failure is final. */
export const tries = 5;

export interface RegistryOptions {
  /** Registries that may be spoken to without TLS, besides those on this host. */
  insecureRegistries: string[];
  environment: NodeJS.ProcessEnv;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds before the second try; doubled for each further one. */
  backOffMillis: number;
}

/** One request to a registry, before scheme and authorization are known. */
export interface Call {
  method: HttpRequest['method'];
  /** Below the registry's root, or a whole URL. */
  path: string;
  headers?: Record<string, string>;
  body?: () => Promise<Readable> | Readable | Buffer;
  actions: Actions;
}

/** Who calls whom, for what. */
export interface Caller {
  reference: Reference;
  auth: Credentials | undefined;
  signal: AbortSignal;
}

/** Calls registries with whatever scheme and authorization they want, again where that can help. */
export class Calls {
  readonly #options: RegistryOptions;
  readonly #transport: Transport;
  readonly tokens: Tokens;
  /** Base URLs of the insecure registries, once tried. */
  readonly #bases = new Map<string, URL>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#transport = new Transport(options.environment);
    this.tokens = new Tokens(options.now);
  }

  close(): void {
    this.#transport.close();
  }

  /** Sends one request to a registry, or to a server that it named. */
  send(registry: string, request: HttpRequest): Promise<HttpResponse> {
    const { insecureRegistries } = this.#options;
    return this.#transport.send(request, (url) => mayBeInsecure(registry, url, insecureRegistries));
  }

  /** A call without effects, made again when the connection or the registry failed. */
  retried(caller: Caller, call: Call): Promise<HttpResponse> {
    return this.trying(caller, async (isLast) => {
      const response = await this.call(caller, call);
      if (isLast || (response.status < 500 && response.status !== 429)) return response;
      response.body.resume();
      throw Object.assign(new Error(`it answered ${response.status}`), { code: 'ETIMEDOUT' });
    });
  }

  async trying<T>(caller: Caller, work: (isLast: boolean) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt === tries);
      } catch (error) {
        caller.signal.throwIfAborted();
        if (attempt === tries || !isTransient(error)) throw error;
        await this.pause(attempt, caller.signal);
      }
    }
  }

  pause(failures: number, signal: AbortSignal): Promise<void> {
    return delay(this.#options.backOffMillis * 2 ** (failures - 1), undefined, { signal });
  }

  /** Sends a call, and once more with the authorization that a 401 asks for. */
  async call(caller: Caller, call: Call): Promise<HttpResponse> {
    const { reference, auth, signal } = caller;
    const scope = scopeOf(reference, call.actions);
    const url = new URL(call.path, await this.base(reference.registry, signal));
    const send = (request: HttpRequest): Promise<HttpResponse> => this.send(reference.registry, request);
    const sendWith = async (authorization: string | undefined): Promise<HttpResponse> => {
      const request: HttpRequest = {
        method: call.method,
        url,
        headers: { ...call.headers, authorization },
        signal,
      };
      if (call.body !== undefined) request.body = await call.body();
      return send(request);
    };
    const response = await sendWith(this.tokens.known(url.host, scope, auth));
    if (response.status !== 401) return response;
    response.body.resume();
    return sendWith(await this.tokens.answer(response, scope, auth, send, signal));
  }

  /** `https`, except for an insecure registry that does not speak it. */
  async base(registry: string, signal: AbortSignal): Promise<URL> {
    const { host, insecure } = endpointOf(registry, this.#options.insecureRegistries);
    const secure = new URL(`https://${host}/`);
    if (!insecure) return secure;
    const known = this.#bases.get(host);
    if (known !== undefined) return known;
    const base = (await this.#speaksTls(secure, signal)) ? secure : new URL(`http://${host}/`);
    this.#bases.set(host, base);
    return base;
  }

  async #speaksTls(base: URL, signal: AbortSignal): Promise<boolean> {
    try {
      const url = new URL('/v2/', base);
      const response = await this.#transport.send({ method: 'GET', url, headers: {}, signal }, () => true);
      response.body.resume();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (isKind(error, 'internal') && /connection refused|no such host|no route/.test(error.message))
        throw internal('registry-unreachable', error.message.replace('"https://', '"http://'), {
          cause: error,
        });
      return false;
    }
  }
}
