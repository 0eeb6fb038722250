import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Apps } from '#engine/apps/apps.ts';
import type { JobAnswer, JobRunAnswer } from '#api/types/schedules.ts';

const ListQuery = Type.Object({ app: Type.Optional(Type.String()) }, { additionalProperties: false });
const JobPath = Type.Object({ app: Type.String(), service: Type.String() });

/** Services that run at times, and their runs. */
export function scheduleRoutes(app: FastifyInstance, { apps }: { apps: Apps }): void {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/berth/v1/schedules',
    { schema: { querystring: ListQuery } },
    ({ query }): JobAnswer[] => apps.schedules.list(query.app),
  );
  app.get<{ Params: Static<typeof JobPath> }>(
    '/berth/v1/schedules/:app/:service/runs',
    { schema: { params: JobPath } },
    ({ params }): JobRunAnswer[] => apps.schedules.history(params.app, params.service),
  );
  app.post<{ Params: Static<typeof JobPath> }>(
    '/berth/v1/schedules/:app/:service/runs',
    { schema: { params: JobPath } },
    ({ params }, reply): JobRunAnswer => {
      void reply.code(201);
      return apps.schedules.run(params.app, params.service);
    },
  );
}
