import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type { HistoryAnswer, HistoryDetailAnswer } from '#api/types/app-history.ts';
import { events, patience, type AppRouteParts } from './app-stream.ts';
import { closed } from './project-body.ts';

const number = Type.Integer({ minimum: 1 });
const AppPath = Type.Object({ app: Type.String() });
const RevisionPath = Type.Object({
  app: Type.String(),
  revision: Type.String({ pattern: '^[1-9][0-9]{0,8}$' }),
});
const RollbackBody = Type.Object(
  {
    revision: Type.Optional(number),
    timeout: Type.Optional(Type.Number({ minimum: 0 })),
    overcommit: Type.Optional(Type.Boolean()),
  },
  closed,
);

/** What an app was, and the way back there. */
export function appHistoryRoutes(app: FastifyInstance, { apps, callerOf }: AppRouteParts): void {
  app.get<{ Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app/history',
    { schema: { params: AppPath } },
    ({ params }): HistoryAnswer[] => apps.history.list(params.app),
  );
  app.get<{ Params: Static<typeof RevisionPath> }>(
    '/berth/v1/apps/:app/history/:revision',
    { schema: { params: RevisionPath } },
    ({ params }): Promise<HistoryDetailAnswer> => apps.history.get(params.app, Number(params.revision)),
  );
  app.post<{ Body: Static<typeof RollbackBody>; Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app/rollback',
    { schema: { body: RollbackBody, params: AppPath } },
    ({ body, params, raw }, reply) => {
      const signal = clientGone(reply);
      const { timeout = patience, revision, overcommit = false } = body;
      const request = {
        by: callerOf(raw.socket),
        ...{ timeout, overcommit },
        ...(revision === undefined ? {} : { revision }),
      };
      return sendJsonLines(
        reply,
        events((emit) => apps.history.rollback(params.app, request, emit, signal)),
      );
    },
  );
}
