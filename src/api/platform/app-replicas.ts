import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import { events, patience, type AppRouteParts } from './app-stream.ts';
import { closed } from './project-body.ts';

const AppPath = Type.Object({ app: Type.String() });
const timeout = Type.Optional(Type.Number({ minimum: 0 }));
const overcommit = Type.Optional(Type.Boolean());
const ScaleBody = Type.Object(
  { counts: Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: 10_000 })), timeout, overcommit },
  closed,
);
const ControlBody = Type.Object(
  { services: Type.Optional(Type.Array(Type.String())), timeout, stopTimeout: timeout },
  closed,
);
const EndBody = Type.Object({ timeout }, closed);

/** How many replicas an app has, whether they run, and what becomes of a canary. */
export function appReplicaRoutes(app: FastifyInstance, { apps, callerOf }: AppRouteParts): void {
  const requester = (request: FastifyRequest, timeout = patience): { by: string; timeout: number } => ({
    by: callerOf(request.raw.socket),
    timeout,
  });
  app.post<{ Body: Static<typeof ScaleBody>; Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app/scale',
    { schema: { body: ScaleBody, params: AppPath } },
    (call, reply) => {
      const { body, params } = call;
      const signal = clientGone(reply);
      const { counts, overcommit = false } = body;
      const request = { counts, overcommit, ...requester(call, body.timeout) };
      return sendJsonLines(
        reply,
        events((emit) => apps.scale(params.app, request, emit, signal)),
      );
    },
  );
  for (const verb of ['restart', 'stop', 'start'] as const)
    app.post<{ Body: Static<typeof ControlBody>; Params: Static<typeof AppPath> }>(
      `/berth/v1/apps/:app/${verb}`,
      { schema: { body: ControlBody, params: AppPath } },
      (call, reply) => {
        const { services = [], timeout, stopTimeout } = call.body;
        const rest = stopTimeout === undefined ? {} : { stopTimeout };
        const request = { services, ...requester(call, timeout), ...rest };
        // What is being stopped stops, also when the client leaves.
        const signal = verb === 'stop' ? new AbortController().signal : clientGone(reply);
        return sendJsonLines(
          reply,
          events((emit) => apps.controls[verb](call.params.app, request, emit, signal)),
        );
      },
    );
  for (const verb of ['promote', 'abort'] as const)
    app.post<{ Body: Static<typeof EndBody>; Params: Static<typeof AppPath> }>(
      `/berth/v1/apps/:app/${verb}`,
      { schema: { body: EndBody, params: AppPath } },
      (call, reply) => {
        const { body, params } = call;
        const by = requester(call, body.timeout);
        const signal = clientGone(reply);
        return sendJsonLines(
          reply,
          events((emit) => apps.canaries[verb](params.app, by, emit, signal)),
        );
      },
    );
}
