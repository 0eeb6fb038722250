import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Apps } from '#engine/apps/apps.ts';

const RunBody = Type.Object(
  {
    service: Type.String(),
    command: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    environment: Type.Optional(Type.Array(Type.String({ pattern: '^[^=]+=' }))),
    user: Type.Optional(Type.String()),
    workingDir: Type.Optional(Type.String()),
    tty: Type.Optional(Type.Boolean()),
    stdin: Type.Optional(Type.Boolean()),
    remove: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const AppPath = Type.Object({ app: Type.String() });

/** Containers that run once beside an app's replicas. They are made here; Docker's routes attach and start them. */
export function runRoutes(app: FastifyInstance, { apps }: { apps: Apps }): void {
  app.post<{ Params: Static<typeof AppPath>; Body: Static<typeof RunBody> }>(
    '/berth/v1/apps/:app/runs',
    { schema: { params: AppPath, body: RunBody } },
    async ({ params, body }, reply) => {
      const { environment = [], tty = false, stdin = false, remove = true, ...rest } = body;
      const made = await apps.createOneOff(params.app, { ...rest, environment, tty, stdin, remove });
      return reply.code(201).send(made);
    },
  );
}
