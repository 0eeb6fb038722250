import { Readable } from 'node:stream';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify';
import { invalid, messageOf, notFound } from '#base/errors.ts';
import { Hijack } from '#api/docker/hijack.ts';
import { errorResponse } from '#api/errors.ts';
import { apiPath, apiVersions, negotiate } from '#api/versions.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The negotiated version of the Docker Engine API, such as `1.45`. */
    apiVersion: string;
  }
}

const jsonLimit = 16 * 1024 * 1024;

export interface ServerOptions {
  log: FastifyBaseLogger;
  /** Berth's own version. */
  version: string;
  routes: (app: FastifyInstance, hijack: Hijack) => void;
}

export interface ApiServer {
  app: FastifyInstance;
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
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    http: { shouldUpgradeCallback: (request) => hijacks.some((hijack) => hijack.takes(request.url ?? '')) },
  }).withTypeProvider<TypeBoxTypeProvider>();
  const hijack = new Hijack(app);
  hijacks.push(hijack);
  negotiateVersions(app, options.version);
  readBodies(app);
  answerErrors(app);
  options.routes(app, hijack);
  await app.ready();
  return { app, stop: (graceMs) => stop(app, hijack, graceMs) };
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
  // Docker's clients read an error's message only when the type is exactly this.
  app.addHook('onSend', async (_request, reply) => {
    const type = reply.getHeader('content-type');
    if (typeof type === 'string' && type.startsWith('application/json'))
      reply.header('content-type', 'application/json');
    await Promise.resolve();
  });
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
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = errorResponse(error);
    if (status >= 500) request.log.error({ err: error, url: request.originalUrl }, 'a request failed');
    reply.code(status);
    if (status === 304) return reply.send();
    return reply
      .type('application/json')
      .send(body.code === 'page-not-found' ? { message: body.message } : body);
  });
}

async function stop(app: FastifyInstance, hijack: Hijack, graceMs: number): Promise<void> {
  const cut = setTimeout(() => {
    hijack.closeAll();
    app.server.closeAllConnections();
  }, graceMs);
  try {
    await app.close();
    hijack.closeAll();
  } finally {
    clearTimeout(cut);
  }
}
