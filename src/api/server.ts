import { Readable } from 'node:stream';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { invalid, messageOf, notFound } from '#base/errors.ts';
import { Hijack } from '#api/docker/hijack.ts';
import { Doors } from '#api/doors.ts';
import { errorCodeHeader, errorResponse, isBerths } from '#api/errors.ts';
import { answerMalformed } from '#api/malformed.ts';
import { apiPath, apiVersions, negotiate } from '#api/versions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The negotiated version of the Docker Engine API, such as `1.45`. */
    apiVersion: string;
  }
  interface FastifyContextConfig {
    /** Parameters of the query may come several times. */
    repeats?: boolean;
  }
}

const jsonLimit = 16 * 1024 * 1024;

export interface ServerOptions {
  log: FastifyBaseLogger;
  /** Berth's own version. */
  version: string;
  routes: (app: FastifyInstance, hijack: Hijack, doors: Doors) => void;
}

export interface ApiServer {
  app: FastifyInstance;
  /** Further servers of the same routes. */
  doors: Doors;
  /** Stops accepting, gives running requests `graceMs` to finish, then cuts what is left. */
  stop(graceMs: number): Promise<void>;
}

/** The HTTP server with everything that all routes share; it does not listen yet. */
export async function createServer(options: ServerOptions): Promise<ApiServer> {
  const hijacks: Hijack[] = [];
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    rewriteUrl: (request) => apiPath(request.url ?? '/'),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    bodyLimit: jsonLimit,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerMalformed,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    http: { shouldUpgradeCallback: (request) => hijacks.some((hijack) => hijack.takes(request.url ?? '')) },
  }).withTypeProvider<TypeBoxTypeProvider>();
  const hijack = new Hijack(app);
  hijacks.push(hijack);
  const doors = new Doors(app, hijack);
  negotiateVersions(app, options.version);
  readQueries(app);
  readBodies(app);
  answerErrors(app);
  options.routes(app, hijack, doors);
  await app.ready();
  return { app, doors, stop: (graceMs) => stop(app, { hijack, doors }, graceMs) };
}

function negotiateVersions(app: FastifyInstance, version: string): void {
  app.decorateRequest('apiVersion', apiVersions.maximum);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'Api-Version': apiVersions.maximum,
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: `Berth/${version} (linux)`,
    });
    request.apiVersion = negotiate(request.originalUrl);
    await Promise.resolve();
  });
  // Docker's clients read an error's message only when the type is exactly this; its JSON ends with a newline.
  app.addHook('onSend', async (_request, reply, payload) => {
    const type = reply.getHeader('content-type');
    if (typeof type !== 'string' || !type.startsWith('application/json')) return Promise.resolve(payload);
    reply.header('content-type', 'application/json');
    return Promise.resolve(typeof payload === 'string' ? lineOf(payload) : payload);
  });
}

function lineOf(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

// A parameter that is given twice counts with its first value, but for routes that say that it `repeats`.
function readQueries(app: FastifyInstance): void {
  app.addHook('preParsing', async (request) => {
    const { query, routeOptions } = request;
    if (routeOptions.config.repeats !== true && isRecord(query))
      request.query = Object.fromEntries(
        Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? String(value[0]) : value]),
      );
    return Promise.resolve(undefined);
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

// JSON is parsed; anything else (archives) reaches the route as a stream that it has to consume.
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string) => {
      try {
        const json: unknown = text.trim() === '' ? undefined : JSON.parse(text);
        return await Promise.resolve(json);
      } catch (error) {
        throw invalid('json-malformed', `invalid JSON in the request's body: ${messageOf(error)}`);
      }
    },
  );
  app.addContentTypeParser('*', async (_request: FastifyRequest, payload: unknown) =>
    Promise.resolve(payload),
  );
  app.addHook('preValidation', async (request) => {
    if (request.routeOptions.schema?.body === undefined || !(request.body instanceof Readable)) return;
    if (isEmpty(request)) {
      request.body = undefined;
      return;
    }
    const type = request.headers['content-type'] ?? '';
    await Promise.reject(
      invalid('content-type', `unsupported Content-Type header (${type}): must be 'application/json'`),
    );
  });
}

function isEmpty(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding === undefined && (length === undefined || length === '0');
}

function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler(() => {
    throw notFound('page-not-found', 'page not found');
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body } = errorResponse(error);
  if (status >= 500) {
    // Without the query, which may hold the arguments of a build.
    const [path] = request.originalUrl.split('?');
    const about = { method: request.method, path };
    if (isGone(request)) request.log.info(about, 'a client left before its request was answered');
    else request.log.error({ err: error, ...about }, 'a request failed');
  }
  reply.code(status);
  if (body.code !== undefined) reply.header(errorCodeHeader, body.code);
  if (status === 304) return reply.send();
  const shown = isBerths(request.originalUrl) ? body : { message: body.message };
  // Ready made: for a URL that no route could be looked up for, the hooks do not run.
  return reply.type('application/json').send(lineOf(JSON.stringify(shown)));
}

/** Whoever cut the connection gets no answer, and whatever that broke is nobody's fault. */
function isGone({ raw }: FastifyRequest): boolean {
  return raw.socket.destroyed || (raw.destroyed && !raw.complete);
}

async function stop(
  app: FastifyInstance,
  { hijack, doors }: { hijack: Hijack; doors: Doors },
  graceMs: number,
): Promise<void> {
  const cut = setTimeout(() => {
    hijack.closeAll();
    doors.closeAll();
    app.server.closeAllConnections();
  }, graceMs);
  try {
    await Promise.all([app.close(), doors.drain()]);
    hijack.closeAll();
    doors.closeAll();
  } finally {
    clearTimeout(cut);
  }
}
