import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { SocketAnswer } from '#api/types/sockets.ts';
import type { Sockets } from '#engine/sockets/sockets.ts';

const Body = Type.Object(
  {
    path: Type.String(),
    allow: Type.Array(Type.String()),
    labels: Type.Record(Type.String(), Type.String()),
  },
  { additionalProperties: false },
);
const Named = Type.Object({ path: Type.String({ minLength: 1 }) }, { additionalProperties: false });

/** Scoped sockets. No scope opens these routes: a scoped socket cannot make another. */
export function socketRoutes(app: FastifyInstance, engine: { sockets: Sockets }): void {
  const { sockets } = engine;
  app.get('/berth/v1/sockets', (): SocketAnswer[] => sockets.list());
  app.post<{ Body: Static<typeof Body> }>(
    '/berth/v1/sockets',
    { schema: { body: Body } },
    async ({ body }, reply) => {
      const made: SocketAnswer = await sockets.create(body);
      return reply.code(201).send(made);
    },
  );
  app.delete<{ Querystring: Static<typeof Named> }>(
    '/berth/v1/sockets',
    { schema: { querystring: Named } },
    async ({ query }, reply) => {
      await sockets.remove(query.path);
      return reply.code(204).send();
    },
  );
}
