import { internal, unauthorized } from '#base/errors.ts';
import { fingerprint } from '#base/ids.ts';
import { parseChallenges, type Challenge } from '#adapters/registry-client/challenge.ts';
import { TryLater } from '#adapters/registry-client/retrying.ts';
import { textOf, type HttpRequest, type HttpResponse } from '#adapters/registry-client/transport.ts';
import type { Credentials } from '#ports/registry-client.ts';

type Send = (request: HttpRequest) => Promise<HttpResponse>;

interface Answer {
  token?: unknown;
  access_token?: unknown;
  refresh_token?: unknown;
  expires_in?: unknown;
}

const parse: (content: string) => unknown = JSON.parse;
/** Seconds, where the server does not say (distribution token specification). */
const defaultLifetime = 60;
const client = 'berth';

/** Which Authorization a registry wants, and the tokens that it gave. */
export class Tokens {
  readonly #tokens = new Map<string, { header: string; until: number }>();
  /** Headers that are being asked for. */
  readonly #asking = new Map<string, Promise<string>>();
  readonly #now: () => number;

  /** `now` gives milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The header to begin with: what worked before, or undefined. */
  known(host: string, scopes: string[], auth: Credentials | undefined): string | undefined {
    if (auth?.registryToken !== undefined) return `Bearer ${auth.registryToken}`;
    const held = this.#tokens.get(keyOf(host, scopes, auth));
    return held !== undefined && held.until > this.#now() ? held.header : undefined;
  }

  /**
   * The header that answers a 401. @throws unauthorized `registry-credentials-missing` when the registry
   * wants credentials and there are none
   */
  async answer(
    refused: HttpResponse,
    scopes: string[],
    auth: Credentials | undefined,
    send: Send,
    signal: AbortSignal,
  ): Promise<string> {
    const key = keyOf(refused.url.host, scopes, auth);
    // Several layers are refused at once; they need one token. Whoever asks for it may give up, which is no answer for others.
    const others = await this.#asking.get(key)?.catch(() => undefined);
    if (others !== undefined) return others;
    const asking = this.#ask(refused, scopes, auth, send, signal);
    this.#asking.set(key, asking);
    try {
      return await asking;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  async #ask(
    refused: HttpResponse,
    scopes: string[],
    auth: Credentials | undefined,
    send: Send,
    signal: AbortSignal,
  ): Promise<string> {
    const bearer = bearerOf(refused);
    const { header, lifetime } =
      bearer === undefined
        ? { header: basic(refused.url, auth), lifetime: Infinity }
        : await this.#fetch(bearer, refused.url, scopes, auth, send, signal);
    // Renewed a little early, because the way there takes time too.
    const until = this.#now() + (lifetime - 5) * 1000;
    this.#forgetExpired();
    this.#tokens.set(keyOf(refused.url.host, scopes, auth), { header, until });
    return header;
  }

  /** A daemon lives long, and each repository and login has tokens of its own. */
  #forgetExpired(): void {
    for (const [key, { until }] of this.#tokens) if (until <= this.#now()) this.#tokens.delete(key);
  }

  async #fetch(
    challenge: Challenge,
    registry: URL,
    scopes: string[],
    auth: Credentials | undefined,
    send: Send,
    signal: AbortSignal,
  ): Promise<{ header: string; lifetime: number }> {
    const request = tokenRequest(challenge, registry, scopes, auth, signal);
    const { token, access_token, expires_in } = await ask(request, send);
    const value = token ?? access_token;
    if (typeof value !== 'string' || value === '')
      throw internal('registry-token-missing', `the token server ${request.url.origin} gave no token`);
    const lifetime = typeof expires_in === 'number' ? expires_in : defaultLifetime;
    return { header: `Bearer ${value}`, lifetime };
  }

  /** A refresh token for these credentials, where the registry gives such; '' where it does not. */
  async identityToken(
    refused: HttpResponse,
    auth: Credentials,
    send: Send,
    signal: AbortSignal,
  ): Promise<string> {
    const bearer = bearerOf(refused);
    if (bearer === undefined || auth.identityToken !== undefined) return auth.identityToken ?? '';
    const request = tokenRequest(bearer, refused.url, [], auth, signal);
    request.url.searchParams.set('offline_token', 'true');
    const { refresh_token: token } = await ask(request, send);
    return typeof token === 'string' ? token : '';
  }
}

function bearerOf({ headers }: HttpResponse): Challenge | undefined {
  return parseChallenges(headers['www-authenticate'] ?? '').find(({ scheme }) => scheme === 'bearer');
}

function keyOf(host: string, scopes: string[], auth: Credentials | undefined): string {
  return `${host} ${scopes.join(' ')} ${fingerprint(JSON.stringify(auth ?? {}))}`;
}

function basic(url: URL, auth: Credentials | undefined): string {
  const { username = '', password = '' } = auth ?? {};
  // Docker's status for it is 500 too: at 401 its client asks for a password, also in a script, and waits.
  if (username === '')
    throw internal(
      'registry-credentials-missing',
      `Get "${url.origin}${url.pathname}": no basic auth credentials`,
      { hint: `run 'docker login ${url.host}' first` },
    );
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Docker's token protocol: GET with basic credentials, or POST with a refresh token (OAuth 2). */
function tokenRequest(
  challenge: Challenge,
  registry: URL,
  scopes: string[],
  auth: Credentials | undefined,
  signal: AbortSignal,
): HttpRequest {
  const realm = realmOf(challenge, registry);
  const service = challenge.parameters.get('service') ?? '';
  if (auth?.identityToken !== undefined && auth.identityToken !== '') {
    const form = { grant_type: 'refresh_token', service, client_id: client, scope: scopes.join(' ') };
    return {
      method: 'POST',
      url: realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...form, refresh_token: auth.identityToken }).toString(),
      signal,
    };
  }
  if (service !== '') realm.searchParams.set('service', service);
  for (const scope of scopes) realm.searchParams.append('scope', scope);
  if (auth?.username === undefined || auth.username === '')
    return { method: 'GET', url: realm, headers: {}, signal };
  realm.searchParams.set('account', auth.username);
  realm.searchParams.set('client_id', client);
  return { method: 'GET', url: realm, headers: { authorization: basic(realm, auth) }, signal };
}

function realmOf(challenge: Challenge, registry: URL): URL {
  const realm = challenge.parameters.get('realm') ?? '';
  if (!URL.canParse(realm))
    throw internal('registry-realm-invalid', `'${registry.host}' names no token server: '${realm}'`);
  const url = new URL(realm);
  // A registry that is reached securely must not make us send credentials in the clear.
  if (registry.protocol === 'https:' && url.protocol !== 'https:')
    throw internal(
      'registry-realm-insecure',
      `'${registry.host}' names a token server without TLS: '${url.origin}'`,
    );
  return url;
}

async function ask(request: HttpRequest, send: Send): Promise<Answer> {
  const response = await send(request);
  const content = await textOf(response);
  if (response.status === 401 || response.status === 403)
    throw unauthorized(
      'registry-denied',
      `Get "${request.url.origin}${request.url.pathname}": unauthorized: incorrect username or password`,
    );
  if (response.status !== 200)
    throw internal(
      'registry-token-failed',
      `the token server ${request.url.origin} answered ${response.status}`,
      response.status >= 500 || response.status === 429
        ? { cause: new TryLater(response.status, undefined) }
        : {},
    );
  try {
    const answer = parse(content);
    return typeof answer === 'object' && answer !== null ? answer : {};
  } catch (error) {
    throw internal('registry-token-failed', `the token server ${request.url.origin} did not answer in JSON`, {
      cause: error,
    });
  }
}
