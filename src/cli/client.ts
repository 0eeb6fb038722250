import { request as requestTls } from 'node:https';
import {
  request,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { tlsHint, type ClientTls } from '#cli/tls.ts';
import {
  BerthError,
  forbidden,
  invalid,
  messageOf,
  systemCode,
  unavailable,
  type ErrorKind,
} from '#base/errors.ts';

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Without version prefix; it may have a query: `/containers/json?all=1`. */
  path: string;
  /** A query for a path without one; what is undefined is left out. */
  query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON; a stream is sent as it is. */
  body?: object;
  stream?: Readable;
  headers?: OutgoingHttpHeaders;
  signal?: AbortSignal;
}

const kinds: Readonly<Record<number, ErrorKind>> = {
  304: 'unchanged',
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  501: 'unsupported',
  503: 'unavailable',
};

/** A client of the daemon's HTTP API over a unix socket or TCP. Errors of the API come as BerthError. */
export class Client {
  readonly #host: string;
  readonly #tls: ClientTls | undefined;

  /**
   * @param host `unix:///PATH` or `tcp://ADDRESS:PORT`
   * @param tls for TCP
   * @throws invalid `host-invalid`
   */
  constructor(host: string, tls?: ClientTls) {
    if (!/^unix:\/\/\/.|^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/[\]]+):\d+\/?$/.test(host))
      throw invalid('host-invalid', `BERTH_HOST: '${host}' is not unix:///PATH or tcp://ADDRESS:PORT`);
    this.#host = host;
    this.#tls = host.startsWith('tcp:') ? tls : undefined;
  }

  get host(): string {
    return this.#host;
  }

  /** The answer with a status below 300. @throws unavailable `daemon-unreachable`; what the API answered */
  async send(call: Call): Promise<IncomingMessage> {
    const response = await this.#request(call).catch((error: unknown) => {
      throw unreachable(this.#host, error, this.#tls !== undefined);
    });
    if ((response.statusCode ?? 500) < 300) return response;
    throw await errorOf(response);
  }

  /**
   * The parsed JSON body. The caller names what the API promises to send (api/types): the daemon and this program are
   * released together.
   */
  async json<T = unknown>(call: Call, parse: (text: string) => T = JSON.parse): Promise<T> {
    return parse(await textOf(await this.send(call)));
  }

  async text(call: Call): Promise<string> {
    return textOf(await this.send(call));
  }

  /** One parsed object for each line of a streaming answer, as with `json`. */
  async *lines<T = unknown>(
    call: Call,
    parse: (text: string) => T = JSON.parse,
  ): AsyncGenerator<T, void, undefined> {
    let rest = '';
    const response = await this.send(call);
    response.setEncoding('utf8');
    for await (const chunk of response) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') yield parse(line);
    }
    if (rest.trim() !== '') yield parse(rest);
  }

  /** A POST whose connection becomes the streams of a container (Engine API, "Hijacking"). @throws as `send` */
  async upgrade(path: string): Promise<Duplex> {
    const headers = { connection: 'Upgrade', upgrade: 'tcp' };
    const outgoing = this.#outgoing({ ...target(this.#host), method: 'POST', path, headers }).end();
    return new Promise((resolve, reject) => {
      outgoing.on('error', (error) => reject(unreachable(this.#host, error, this.#tls !== undefined)));
      outgoing.on('response', (response) => void errorOf(response).then(reject, reject));
      outgoing.on('upgrade', (_response, socket, head) => {
        socket.unshift(head);
        resolve(socket);
      });
    });
  }

  /** Whether a daemon answers. */
  async ping(): Promise<boolean> {
    try {
      await this.text({ path: '/_ping', signal: AbortSignal.timeout(5000) });
      return true;
    } catch (error) {
      if (error instanceof BerthError && error.code === 'daemon-unreachable') return false;
      throw error;
    }
  }

  #request(call: Call): Promise<IncomingMessage> {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const options: RequestOptions = {
      ...target(this.#host),
      method: call.method ?? 'GET',
      path: pathOf(call),
      headers: {
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
        ...call.headers,
      },
      ...(call.signal !== undefined && { signal: call.signal }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = this.#outgoing(options).on('response', resolve).on('error', reject);
      if (call.stream === undefined) outgoing.end(body);
      else call.stream.on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
    });
  }

  #outgoing(options: RequestOptions): ClientRequest {
    return this.#tls === undefined ? request(options) : requestTls({ ...options, ...this.#tls });
  }
}

function pathOf({ path, query = {} }: Call): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

function target(host: string): RequestOptions {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = new URL(host.replace(/^tcp:/, 'http:'));
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port };
}

async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function errorOf(response: IncomingMessage): Promise<BerthError> {
  const parse: (text: string) => { message?: string; code?: string; hint?: string } = JSON.parse;
  const text = await textOf(response);
  const header = [response.headers['berth-error-code']].flat()[0];
  const kind = kinds[response.statusCode ?? 500] ?? 'internal';
  try {
    const { message = text, code = header ?? 'api-error', hint } = parse(text);
    return new BerthError(kind, code, message, hint === undefined ? {} : { hint });
  } catch {
    return new BerthError(
      kind,
      'api-error',
      text === '' ? `the daemon answered ${response.statusCode ?? 0}` : text,
    );
  }
}

const connectionWords: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
};

function unreachable(host: string, error: unknown, isTls: boolean): BerthError {
  const code = systemCode(error);
  if (code === 'EACCES' || code === 'EPERM')
    return forbidden('socket-forbidden', `this user may not use the daemon's socket ${host}`, {
      cause: error,
      hint: "it is for root and its group: use sudo, or join the group (see 'ls -l' of the socket)",
    });
  const why = (code === undefined ? undefined : connectionWords[code]) ?? messageOf(error);
  return unavailable('daemon-unreachable', `no daemon answers on ${host}: ${why}`, {
    cause: error,
    hint:
      (host.startsWith('tcp:') ? tlsHint(code, isTls) : undefined) ??
      "start it with 'berth daemon', or set BERTH_HOST to where it listens",
  });
}
