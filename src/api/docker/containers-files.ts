import type { FastifyInstance } from 'fastify';
import { uploadOf } from '#api/streams.ts';
import { Readable } from 'node:stream';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import { flag, type Query } from '#api/docker/query.ts';
import { invalid } from '#base/errors.ts';

interface Named {
  Params: { id: string };
  Querystring: Query;
}

const statHeader = 'X-Docker-Container-Path-Stat';
const kinds = { modified: 0, added: 1, deleted: 2 } as const;

/** `docker diff`, `docker export` and `docker cp`. */
export function containerFiles(app: FastifyInstance, { containers }: ContainerApiParts): void {
  app.get<Named>('/containers/:id/changes', async ({ params }) => {
    const changes = await containers.changes(params.id);
    return changes.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] }));
  });

  app.get<Named>('/containers/:id/export', async ({ params }, reply) =>
    reply.type('application/octet-stream').send(await containers.exportRoot(params.id)),
  );

  const statOf = async (id: string, path: string): Promise<string> => {
    const { name, size, mode, mtime, linkTarget } = await containers.statPath(id, path);
    return Buffer.from(JSON.stringify({ name, size, mode, mtime, linkTarget })).toString('base64');
  };

  app.head<Named>('/containers/:id/archive', async ({ params, query }, reply) =>
    reply
      .header(statHeader, await statOf(params.id, pathOf(query)))
      .code(200)
      .send(),
  );

  app.get<Named>('/containers/:id/archive', { exposeHeadRoute: false }, async ({ params, query }, reply) => {
    const path = pathOf(query);
    reply.header(statHeader, await statOf(params.id, path));
    return reply.type('application/x-tar').send(await containers.packPath(params.id, path));
  });

  app.put<Named>('/containers/:id/archive', async (request, reply) => {
    const { params, query } = request;
    if (!(request.body instanceof Readable))
      throw invalid('archive-missing', 'the request has no tar archive as its body');
    await containers.unpackPath(params.id, pathOf(query), uploadOf(request), {
      keepKinds: flag(query, 'noOverwriteDirNonDir'),
      copyOwners: flag(query, 'copyUIDGID'),
    });
    return reply.code(200).send();
  });
}

function pathOf(query: Query): string {
  const path = query['path'] ?? '';
  if (path === '') throw invalid('path-missing', "bad parameter: 'path' cannot be empty");
  return path;
}
