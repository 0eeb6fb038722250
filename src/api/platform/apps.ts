import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { Apps } from '#engine/apps/apps.ts';
import { authsOf, RegistryAuth } from '#api/registry-auths.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type { AppAnswer, LogLine, PlanAnswer } from '#api/types/apps.ts';
import { events, patience, type AppRouteParts } from './app-stream.ts';
import { closed, notice, Project, project } from './project-body.ts';

const canary = Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 }));
const PlanBody = Type.Object({ ...Project, canary }, closed);
const UpBody = Type.Object(
  {
    ...Project,
    timeout: Type.Optional(Type.Number({ minimum: 0 })),
    canary,
    plan: Type.Optional(Type.String()),
    overcommit: Type.Optional(Type.Boolean()),
    registries: Type.Optional(Type.Record(Type.String(), RegistryAuth)),
  },
  closed,
);
const DownBody = Type.Object(
  { volumes: Type.Optional(Type.Boolean()), timeout: Type.Optional(Type.Number({ minimum: 0 })) },
  closed,
);
const AppPath = Type.Object({ app: Type.String() });
const ListQuery = Type.Object({ folder: Type.Optional(Type.String()) }, closed);
const LogsQuery = Type.Object(
  {
    service: Type.Optional(Type.String()),
    follow: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
    tail: Type.Optional(Type.String({ pattern: '^[0-9]+$' })),
    since: Type.Optional(Type.String()),
  },
  closed,
);

/** Berth's own API of apps: compose projects of this machine, by their folder. */
export function appRoutes(app: FastifyInstance, engine: AppRouteParts): void {
  changes(app, engine);
  views(app, engine.apps);
}

function changes(app: FastifyInstance, { apps, callerOf }: AppRouteParts): void {
  app.post<{ Body: Static<typeof PlanBody> }>(
    '/berth/v1/apps/plan',
    { schema: { body: PlanBody } },
    async ({ body }) => {
      const asked = { rebuild: body.rebuild ?? false, ...(body.canary && { canary: body.canary }) };
      const { notices, ...plan } = await apps.plan({ ...project(body), ...asked });
      const answer: PlanAnswer = { ...plan, notices: notices.map(notice) };
      return answer;
    },
  );
  app.post<{ Body: Static<typeof UpBody> }>(
    '/berth/v1/apps/up',
    { schema: { body: UpBody } },
    ({ body, raw }, reply) => {
      const signal = clientGone(reply);
      const request = {
        ...project(body),
        rebuild: body.rebuild ?? false,
        timeout: body.timeout ?? patience,
        by: callerOf(raw.socket),
        ...(body.canary === undefined ? {} : { canary: body.canary }),
        ...(body.plan === undefined ? {} : { plan: body.plan }),
        overcommit: body.overcommit ?? false,
        ...(body.registries && { auths: authsOf(body.registries) }),
      };
      return sendJsonLines(
        reply,
        events((emit) => apps.up(request, emit, signal)),
      );
    },
  );
  app.post<{ Body: Static<typeof DownBody>; Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app/down',
    { schema: { body: DownBody, params: AppPath } },
    ({ body, params }, reply) => {
      // Half an app is of use to nobody: what was begun goes on to its end, also when the client leaves.
      const { signal } = new AbortController();
      const request = {
        volumes: body.volumes ?? false,
        ...(body.timeout === undefined ? {} : { timeout: body.timeout }),
      };
      return sendJsonLines(
        reply,
        events((emit) => apps.down(params.app, request, emit, signal)),
      );
    },
  );
}

function views(app: FastifyInstance, apps: Apps): void {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/berth/v1/apps',
    { schema: { querystring: ListQuery } },
    ({ query }): AppAnswer[] => apps.list(query.folder),
  );
  app.get<{ Params: Static<typeof AppPath> }>(
    '/berth/v1/apps/:app',
    { schema: { params: AppPath } },
    ({ params }): AppAnswer => apps.get(params.app),
  );
  app.get<{ Params: Static<typeof AppPath>; Querystring: Static<typeof LogsQuery> }>(
    '/berth/v1/apps/:app/logs',
    { schema: { params: AppPath, querystring: LogsQuery } },
    ({ params, query }, reply) => {
      // An unknown app is an error response; after that the headers go out, for logs may stay silent.
      apps.get(params.app);
      const lines: AsyncIterable<LogLine> = apps.logs(params.app, {
        follow: query.follow === 'true',
        signal: clientGone(reply),
        ...(query.service === undefined ? {} : { service: query.service }),
        ...(query.tail === undefined ? {} : { tail: Number(query.tail) }),
        ...(query.since === undefined ? {} : { since: query.since }),
      });
      return sendJsonLines(reply, lines, { eager: query.follow === 'true' });
    },
  );
}
