import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type { WatchStreamEvent } from '#api/types/watch.ts';
import { events, patience, type AppRouteParts } from './app-stream.ts';
import { closed } from './project-body.ts';

const AppPath = Type.Object({ app: Type.String() });
const WatchBody = Type.Object(
  {
    services: Type.Optional(Type.Array(Type.String())),
    timeout: Type.Optional(Type.Number({ minimum: 0 })),
  },
  closed,
);

/** Follows the files of an app, by `develop.watch`, for as long as the client listens. */
export function appWatchRoutes(app: FastifyInstance, { apps, callerOf }: AppRouteParts): void {
  app.post<{ Body: Static<typeof WatchBody>; Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app/watch',
    { schema: { body: WatchBody, params: AppPath } },
    ({ body, params, raw }, reply) => {
      const signal = clientGone(reply);
      const { services = [], timeout = patience } = body;
      const request = { services, timeout, by: callerOf(raw.socket) };
      return sendJsonLines(
        reply,
        events<WatchStreamEvent>((emit) => apps.watches.run(params.app, request, emit, signal)),
      );
    },
  );
}
