import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import type { CreateContainer } from '#engine/contracts.ts';
import { fitting } from '#api/docker/body.ts';
import { createBody, unknownWarnings, updateBody, type CreateBody } from '#api/docker/container-schemas.ts';
import { pruneMatch, pruneFilters } from '#api/docker/prune-filters.ts';
import { filters, flag, integer, type Query } from '#api/docker/query.ts';
import { compareVersions } from '#api/versions.ts';
import { conflict, invalid, notFound } from '#base/errors.ts';

interface Named {
  Params: { id: string };
  Querystring: Query;
}

/** From create to remove. */
export function containerLifeCycle(app: FastifyInstance, parts: ContainerApiParts): void {
  const { containers } = parts;
  app.post<{ Querystring: Query; Body: CreateBody }>(
    '/containers/create',
    { schema: { body: createBody }, preValidation: fitting(createBody) },
    async ({ body, query, unknownFields, apiVersion }, reply) => {
      checkEndpoints(body, apiVersion);
      const { id, warnings } = await containers.create(createRequest(body, query));
      return reply.code(201).send({ Id: id, Warnings: [...warnings, ...unknownWarnings(unknownFields)] });
    },
  );

  app.post<Named & { Body: unknown }>('/containers/:id/start', async ({ params, body }, reply) => {
    refuseHostConfig(body);
    await containers.start(params.id);
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/stop', async ({ params, query }, reply) => {
    await containers.stop(params.id, stopOptions(query));
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/restart', async ({ params, query }, reply) => {
    await containers.restart(params.id, stopOptions(query));
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/kill', async ({ params, query }, reply) => {
    await containers.kill(params.id, query['signal']);
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/pause', async ({ params }, reply) => {
    await containers.pause(params.id);
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/unpause', async ({ params }, reply) => {
    await containers.unpause(params.id);
    return reply.code(204).send();
  });
  app.post<Named>('/containers/:id/rename', async ({ params, query }, reply) => {
    const name = query['name'] ?? '';
    if (name === '' || name === '/')
      throw invalid('container-name-invalid', 'Neither old nor new names may be empty');
    await containers.rename(params.id, name);
    return reply.code(204).send();
  });
  changes(app, parts);
}

function changes(app: FastifyInstance, { containers, now }: ContainerApiParts): void {
  app.post<{ Params: { id: string }; Body: Parameters<typeof containers.update>[1] }>(
    '/containers/:id/update',
    { schema: { body: updateBody }, preValidation: fitting(updateBody) },
    async ({ params, body, unknownFields }) => ({
      Warnings: [...(await containers.update(params.id, body)), ...unknownWarnings(unknownFields)],
    }),
  );

  app.delete<Named>('/containers/:id', async ({ params, query }, reply) => {
    if (flag(query, 'link'))
      throw conflict('link-default', 'Conflict, cannot remove the default link name of the container');
    await containers.remove(params.id, { force: flag(query, 'force'), volumes: flag(query, 'v') });
    return reply.code(204).send();
  });

  // `docker rm --link web/db`: the name of a link has a slash.
  app.delete<{ Params: { id: string; alias: string }; Querystring: Query }>(
    '/containers/:id/:alias',
    async ({ params, query }, reply) => {
      if (!flag(query, 'link')) throw notFound('page-not-found', 'page not found');
      await containers.unlink(params.id, params.alias);
      return reply.code(204).send();
    },
  );

  app.post<{ Querystring: Query }>('/containers/prune', async ({ query }) => {
    const wanted = pruneMatch(filters(query, pruneFilters), now());
    const { removed, reclaimed } = await containers.prune(wanted);
    return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: reclaimed };
  });
}

/** What clients before 1.24 sent with the start. @throws invalid in Docker's words */
function refuseHostConfig(body: unknown): void {
  const isEmpty = typeof body !== 'object' || body === null || Object.keys(body).length === 0;
  if (isEmpty || body instanceof Readable) return;
  throw invalid(
    'start-with-body',
    'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
  );
}

/** Several networks at once are for 1.44 and later. @throws invalid in Docker's words */
function checkEndpoints({ NetworkingConfig: networking }: CreateBody, apiVersion: string): void {
  const names = Object.keys(networking?.EndpointsConfig ?? {});
  if (names.length > 1 && compareVersions(apiVersion, '1.44') < 0)
    throw invalid(
      'endpoints-many',
      `Container cannot be created with multiple network endpoints: ${names.join(', ')}`,
    );
}

function createRequest(body: CreateBody, query: Query): CreateContainer {
  const { HostConfig: hostConfig = {}, NetworkingConfig: networking, ...config } = body;
  if (Object.keys(config).length === 0)
    throw invalid('config-missing', 'config cannot be empty in order to create a container');
  const request: CreateContainer = {
    config: { ...config, ...listed(config) },
    hostConfig,
    endpoints: networking?.EndpointsConfig ?? {},
  };
  const { name, platform } = query;
  if (name !== undefined && name !== '') request.name = name;
  if (platform !== undefined && platform !== '') request.platform = platform;
  return request;
}

// Old clients write a command as one text.
function listed({ Cmd, Entrypoint }: { Cmd?: unknown; Entrypoint?: unknown }): CreateContainer['config'] {
  return {
    ...(typeof Cmd === 'string' ? { Cmd: [Cmd] } : {}),
    ...(typeof Entrypoint === 'string' ? { Entrypoint: [Entrypoint] } : {}),
  };
}

function stopOptions(query: Query): { timeout?: number; signal?: string } {
  const timeout = integer(query, 't');
  const signal = query['signal'];
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) };
}
