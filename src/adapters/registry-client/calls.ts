import type { Readable } from 'node:stream';
import { internal, isKind } from '#base/errors.ts';
import { AuthFile } from '#adapters/registry-client/auth-file.ts';
import { endpointOf, mayBeInsecure, scopeOf, type Actions } from '#adapters/registry-client/endpoints.ts';
import { Mirrors } from '#adapters/registry-client/mirrors.ts';
import {
  isWorthRetrying,
  Retrying,
  TryLater,
  type RetryOptions,
} from '#adapters/registry-client/retrying.ts';
import { Tokens } from '#adapters/registry-client/tokens.ts';
import {
  Transport,
  type HttpRequest,
  type HttpResponse,
  type TransportOptions,
} from '#adapters/registry-client/transport.ts';
import type { Reference } from '#domain/image/reference.ts';
import type { Credentials } from '#ports/registry-client.ts';

export interface RegistryOptions extends TransportOptions, RetryOptions {
  /** Registries that may be spoken to without TLS, besides those on this host. */
  insecureRegistries: readonly string[];
  /** URLs, `https://HOST[:PORT][/REPOSITORY-PREFIX]`, by registry: where else its images are to be had. */
  mirrors: Readonly<Record<string, readonly string[]>>;
  /** A file with the daemon's own credentials; '' for none. */
  authFile: string;
}

/** One request to a registry, before scheme and authorization are known. */
export interface Call {
  method: HttpRequest['method'];
  /** Below the registry's root, or a whole URL. */
  path: string;
  headers?: Record<string, string>;
  body?: () => Promise<Readable> | Readable | Buffer;
  actions: Actions;
  /** Another repository that is read too, for a mount. */
  alsoFrom?: string;
}

/** Who calls whom, for what. */
export interface Caller {
  reference: Reference;
  auth: Credentials | undefined;
  signal: AbortSignal;
  /** For a mirror: the registry whose images are meant, as containerd tells it. */
  namespace?: string;
  /** How often a call is tried; absent: as often as usual. */
  tries?: number;
  /** Mirrors, HOST[:PORT], that are not asked. */
  passesOver?: (mirror: string) => boolean;
}

/** Calls registries with whatever scheme and authorization they want, again where that can help. */
export class Calls {
  readonly #insecure: string[];
  readonly #transport: Transport;
  readonly #retrying: Retrying;
  readonly #ownAuth: AuthFile;
  readonly tokens: Tokens;
  readonly mirrors: Mirrors;
  /** Base URLs of the insecure registries, once tried. */
  readonly #bases = new Map<string, URL>();

  constructor(options: RegistryOptions) {
    this.#transport = new Transport(options);
    this.#retrying = new Retrying(options);
    this.#ownAuth = new AuthFile(options.authFile);
    this.tokens = new Tokens(options.now);
    this.mirrors = new Mirrors(options.mirrors, (host) => this.#ownAuth.of(host), options.now);
    this.#insecure = [...options.insecureRegistries, ...this.mirrors.plainHosts];
  }

  close(): void {
    this.#transport.close();
  }

  /** Sends one request to a registry, or to a server that it named. */
  send(registry: string, request: HttpRequest): Promise<HttpResponse> {
    return this.#transport.send(request, (url) => mayBeInsecure(registry, url, this.#insecure));
  }

  /** A call without effects, made again when the connection or the registry failed. */
  retried(caller: Caller, call: Call): Promise<HttpResponse> {
    return this.trying(caller, async (isLast) => {
      const response = await this.call(caller, call);
      if (!isLast) this.refuseBusy(response);
      return response;
    });
  }

  trying<T>(caller: Caller, work: (isLast: boolean) => Promise<T>): Promise<T> {
    return this.#retrying.trying(caller.signal, work, caller.tries);
  }

  /** @throws TryLater for an answer after which another try may help */
  refuseBusy(response: HttpResponse): void {
    const after = this.#retrying.retryAfter(response.headers['retry-after']);
    if (!isWorthRetrying(response.status, after)) return;
    response.body.resume();
    throw new TryLater(response.status, after);
  }

  pause(failures: number, signal: AbortSignal): Promise<void> {
    return this.#retrying.pause(failures, signal);
  }

  /** Sends a call, and once more with the authorization that a 401 asks for. */
  async call(caller: Caller, call: Call): Promise<HttpResponse> {
    const { reference, signal } = caller;
    const auth = caller.auth ?? (await this.#ownAuth.of(reference.registry));
    const scopes = scopeOf(reference, call.actions, call.alsoFrom);
    const base = await this.base(reference.registry, signal);
    const url = new URL(call.path, base);
    if (caller.namespace !== undefined) url.searchParams.set('ns', caller.namespace);
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
    const response = await sendWith(this.tokens.known(url.host, scopes, auth));
    // Whoever a redirect or the place of an upload leads to is told nothing: the credentials are for the registry.
    if (response.status !== 401 || response.url.host !== base.host) return response;
    response.body.resume();
    return sendWith(await this.tokens.answer(response, scopes, auth, send, signal));
  }

  /** `https`, except for an insecure registry that does not speak it. */
  async base(registry: string, signal: AbortSignal): Promise<URL> {
    const { host, insecure } = endpointOf(registry, this.#insecure);
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
