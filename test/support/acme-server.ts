import { createHash, createPublicKey, randomBytes, verify, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import * as x509 from '@peculiar/x509';
import { askHttp } from './ingress.ts';

/** A certificate authority of a test (RFC 8555): it checks signatures, nonces and challenges, and signs. */
export interface AcmeServer extends AsyncDisposable {
  directory: string;
  /** The authority's certificate in PEM. */
  root: string;
  /** Hosts in order of issue; those of one certificate are joined by commas. */
  issued: string[];
  /** Requests whose signature or nonce was wrong. */
  refused: string[];
  /** Seconds that the next certificates live, and that ago they began. */
  lifetime: number;
  age: number;
  /** Hosts that answer it wrongly. */
  strange: Set<string>;
  /** Nothing is answered until this is fulfilled. */
  gate: Promise<void>;
}

interface Jws {
  protected: string;
  payload: string;
  signature: string;
}

interface Protected {
  nonce: string;
  url: string;
  jwk?: webcrypto.JsonWebKey;
  kid?: string;
}

interface Authorization {
  host: string;
  token: string;
  status: 'pending' | 'valid' | 'invalid';
}

interface Order {
  status: 'pending' | 'ready' | 'valid';
  /** Of each host. */
  authorizations: Authorization[];
  certificate: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const parse: (text: string) => unknown = JSON.parse;
const decode = (part: string): string => Buffer.from(part, 'base64url').toString();

/** @param httpPort where every host of the world answers by plain HTTP */
export async function startAcmeServer(httpPort: number): Promise<AcmeServer> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test authority',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 86_400_000),
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const authority = new Authority(keys.privateKey, root, httpPort);
  const server = createServer((asked, answer) => {
    authority.handle(asked, answer).catch((error: unknown) => {
      authority.state.refused.push(String(error));
      answer.writeHead(400, {
        'content-type': 'application/problem+json',
        'replay-nonce': authority.nonce(),
      });
      answer.end(JSON.stringify({ type: 'urn:ietf:params:acme:error:malformed', detail: String(error) }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the test authority has no port');
  authority.base = `http://127.0.0.1:${address.port}`;
  return Object.assign(authority.state, {
    directory: `${authority.base}/directory`,
    root: root.toString('pem'),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

class Authority {
  readonly state: Omit<AcmeServer, 'directory' | 'root' | typeof Symbol.asyncDispose> = {
    issued: [],
    refused: [],
    lifetime: 3600,
    age: 0,
    strange: new Set(),
    gate: Promise.resolve(),
  };
  base = '';
  readonly #key: webcrypto.CryptoKey;
  readonly #root: x509.X509Certificate;
  readonly #httpPort: number;
  readonly #nonces = new Set<string>();
  readonly #accounts: webcrypto.JsonWebKey[] = [];
  readonly #orders: Order[] = [];

  constructor(key: webcrypto.CryptoKey, root: x509.X509Certificate, httpPort: number) {
    this.#key = key;
    this.#root = root;
    this.#httpPort = httpPort;
  }

  nonce(): string {
    const nonce = randomBytes(12).toString('base64url');
    this.#nonces.add(nonce);
    return nonce;
  }

  async handle(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    await this.state.gate;
    const [, verb = '', id = '', part = '0'] = (asked.url ?? '').split('/');
    if (verb === 'directory') {
      const at = (name: string): string => `${this.base}/${name}`;
      const body = { newNonce: at('nonce'), newAccount: at('account'), newOrder: at('order') };
      this.#send(answer, 200, body);
    } else if (verb === 'nonce') this.#send(answer, 200, {});
    else {
      const { account, payload } = this.#opened(`${this.base}${asked.url ?? ''}`, await text(asked));
      const place = { id: id === '' ? -1 : Number(id), part: Number(part) };
      await this.#act(answer, verb, place, account, payload);
    }
  }

  /** @throws when the signature is not the account's, or the nonce none of ours */
  #opened(url: string, body: string): { account: number; payload: Record<string, unknown> } {
    const parseJws: (text: string) => Jws = JSON.parse;
    const jws = parseJws(body);
    const parseHeader: (text: string) => Protected = JSON.parse;
    const header = parseHeader(decode(jws.protected));
    if (!this.#nonces.delete(header.nonce)) throw new Error('the nonce is not one of ours');
    if (header.url !== url) throw new Error(`the signature is for ${header.url}`);
    let account = Number(header.kid?.split('/').at(-1) ?? -1);
    const jwk = header.jwk ?? this.#accounts[account];
    if (jwk === undefined) throw new Error('there is no such account');
    const signed = Buffer.from(`${jws.protected}.${jws.payload}`);
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const signature = Buffer.from(jws.signature, 'base64url');
    if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature))
      throw new Error('the signature is wrong');
    if (account < 0) account = this.#accountOf(jwk);
    const payload = jws.payload === '' ? {} : parse(decode(jws.payload));
    return { account, payload: { ...(typeof payload === 'object' ? payload : {}) } };
  }

  #accountOf(jwk: webcrypto.JsonWebKey): number {
    const known = this.#accounts.findIndex((one) => thumbprint(one) === thumbprint(jwk));
    return known >= 0 ? known : this.#accounts.push(jwk) - 1;
  }

  async #act(
    answer: ServerResponse,
    verb: string,
    { id, part }: { id: number; part: number },
    account: number,
    payload: Record<string, unknown>,
  ): Promise<void> {
    const order = this.#orders[id];
    const authorization = order?.authorizations[part];
    if (verb === 'account') this.#send(answer, 201, { status: 'valid' }, `${this.base}/account/${account}`);
    else if (verb === 'order' && order === undefined) {
      const token = (): string => randomBytes(16).toString('base64url');
      const authorizations = hostsOf(payload).map(
        (host) => ({ host, token: token(), status: 'pending' }) as const,
      );
      const made = this.#orders.push({ status: 'pending', authorizations, certificate: '' });
      this.#sendOrder(answer, 201, made - 1);
    } else if (order === undefined) throw new Error('there is no such order');
    else if (verb === 'order') this.#sendOrder(answer, 200, id);
    else if (verb === 'authorization' && authorization !== undefined)
      this.#send(answer, 200, this.#authorization(id, part, authorization));
    else if (verb === 'challenge' && authorization !== undefined) {
      await this.#check(authorization, account);
      if (order.authorizations.every(({ status }) => status === 'valid')) order.status = 'ready';
      this.#send(answer, 200, this.#authorization(id, part, authorization).challenges[0] ?? {});
    } else if (verb === 'finalize') {
      order.certificate = await this.#sign(order, String(payload['csr']));
      order.status = 'valid';
      this.#sendOrder(answer, 200, id);
    } else {
      answer.writeHead(200, {
        'content-type': 'application/pem-certificate-chain',
        'replay-nonce': this.nonce(),
      });
      answer.end(order.certificate);
    }
  }

  /** Section 8.3: the host itself must answer with the token and the account's thumbprint. */
  async #check(authorization: Authorization, account: number): Promise<void> {
    const { host, token } = authorization;
    const path = `/.well-known/acme-challenge/${token}`;
    const { status, text: found } = await askHttp(this.#httpPort, { host, path });
    const wanted = `${token}.${thumbprint(this.#accounts[account] ?? {})}`;
    const ok = status === 200 && found.trim() === wanted && !this.state.strange.has(host);
    authorization.status = ok ? 'valid' : 'invalid';
    if (!ok) this.state.refused.push(`${host} answered ${status} ${found}`);
  }

  async #sign(order: Order, csr: string): Promise<string> {
    if (order.status !== 'ready') throw new Error('the order is not ready');
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr, 'base64url'));
    if (!(await request.verify())) throw new Error('the request is not signed by its key');
    const now = Date.now() - this.state.age * 1000;
    const hosts = order.authorizations.map(({ host }) => host);
    const made = await x509.X509CertificateGenerator.create({
      subject: `CN=${hosts[0] ?? ''}`,
      issuer: this.#root.subject,
      publicKey: await request.publicKey.export(),
      signingKey: this.#key,
      signingAlgorithm: algorithm,
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      notBefore: new Date(now),
      notAfter: new Date(now + this.state.lifetime * 1000),
      extensions: [new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns', value })))],
    });
    this.state.issued.push(hosts.join(','));
    return `${made.toString('pem')}\n${this.#root.toString('pem')}\n`;
  }

  #authorization(
    id: number,
    part: number,
    { host, token, status }: Authorization,
  ): { status: string; challenges: object[] } {
    const one = { type: 'http-01', url: `${this.base}/challenge/${id}/${part}`, token, status };
    const error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: `${host} answered wrongly` };
    return {
      status,
      ...{ identifier: { type: 'dns', value: host } },
      challenges: [status === 'invalid' ? { ...one, error } : one],
    };
  }

  #sendOrder(answer: ServerResponse, status: number, id: number): void {
    const order = this.#orders[id];
    const at = (name: string): string => `${this.base}/${name}/${id}`;
    const body = {
      status: order?.status,
      identifiers: order?.authorizations.map(({ host }) => ({ type: 'dns', value: host })),
      authorizations: order?.authorizations.map((_one, part) => `${at('authorization')}/${part}`),
      finalize: at('finalize'),
      certificate: at('certificate'),
    };
    this.#send(answer, status, body, at('order'));
  }

  #send(answer: ServerResponse, status: number, body: object, location?: string): void {
    answer.writeHead(status, {
      'content-type': 'application/json',
      'replay-nonce': this.nonce(),
      ...(location === undefined ? {} : { location }),
    });
    answer.end(JSON.stringify(body));
  }
}

function hostsOf(payload: Record<string, unknown>): string[] {
  return [...JSON.stringify(payload).matchAll(/"value":"([^"]+)"/g)].map(([, host = '']) => host);
}

/** RFC 7638, for keys on a curve. */
function thumbprint({ crv, kty, x, y }: webcrypto.JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
