import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { invalid } from '#base/errors.ts';
import type { SecretKey } from '#domain/secret/secret.ts';
import type { Secrets } from '#engine/secrets/secrets.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type {
  RotateKeyAnswer,
  SecretsAnswer,
  SecretVersionAnswer,
  SetSecretAnswer,
} from '#api/types/secrets.ts';
import { events, patience, type AppRouteParts } from './app-stream.ts';
import { closed } from './project-body.ts';

const Named = Type.Object({ name: Type.String() });
const Query = Type.Object({ app: Type.Optional(Type.String()) }, closed);
const KindQuery = Type.Object(
  {
    app: Type.Optional(Type.String()),
    noun: Type.Optional(Type.Union([Type.Literal('secret'), Type.Literal('config')])),
  },
  closed,
);
const SetBody = Type.Object(
  {
    value: Type.String(),
    app: Type.Optional(Type.String({ pattern: '^[a-z0-9][a-z0-9_-]*$' })),
    restart: Type.Optional(Type.Boolean()),
  },
  closed,
);
const RotateBody = Type.Object({ passphrase: Type.Optional(Type.String({ minLength: 8 })) }, closed);
const UnlockBody = Type.Object({ passphrase: Type.String() }, closed);
const AppPath = Type.Object({ app: Type.String() });
const RefreshBody = Type.Object({ timeout: Type.Optional(Type.Number({ minimum: 0 })) }, closed);
/** Base64 of 1 MiB, and what stands around it. */
const bodyLimit = 2 * 1024 * 1024;

/** Secrets: values go in and never come out. */
export function secretRoutes(
  app: FastifyInstance,
  { secrets, apps, callerOf }: AppRouteParts & { secrets: Secrets },
): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/berth/v1/secrets',
    { schema: { querystring: Query } },
    ({ query }): SecretsAnswer => {
      const { by: protection, isLocked: locked } = secrets.protection;
      const all = secrets.list();
      return {
        secrets: query.app === undefined ? all : all.filter((one) => one.app === query.app),
        protection,
        locked,
      };
    },
  );
  app.get<{ Params: Static<typeof Named>; Querystring: Static<typeof KindQuery> }>(
    '/berth/v1/secrets/:name',
    { schema: { params: Named, querystring: KindQuery } },
    ({ params, query }): SecretVersionAnswer[] =>
      // Digests stay here: they are of use to nobody else.
      secrets
        .history({ ...keyOf(params.name, query.app), noun: query.noun ?? 'secret' })
        .map(({ version, created, by, origin, gone = false }) => ({ version, created, by, origin, gone })),
  );
  app.put<{ Params: Static<typeof Named>; Body: Static<typeof SetBody> }>(
    '/berth/v1/secrets/:name',
    { schema: { params: Named, body: SetBody }, bodyLimit },
    async ({ params, body, raw }): Promise<SetSecretAnswer> => {
      const about = { by: callerOf(raw.socket), origin: 'set' } as const;
      const kept = await secrets.put(keyOf(params.name, body.app), decoded(params.name, body.value), about);
      const outdated = apps.secrets.outdated();
      if (body.restart !== false) apps.secrets.refreshByRule(about.by);
      return { ...kept, outdated };
    },
  );
  app.delete<{ Params: Static<typeof Named>; Querystring: Static<typeof Query> }>(
    '/berth/v1/secrets/:name',
    { schema: { params: Named, querystring: Query } },
    ({ params, query }, reply) => {
      secrets.remove(keyOf(params.name, query.app));
      return reply.code(204).send();
    },
  );
  keyRoutes(app, secrets, apps);
  app.post<{ Params: Static<typeof AppPath>; Body: Static<typeof RefreshBody> }>(
    '/berth/v1/apps/:app/secrets/refresh',
    { schema: { params: AppPath, body: RefreshBody } },
    (call, reply) => {
      const request = { by: byOf(call), timeout: call.body.timeout ?? patience };
      const signal = clientGone(reply);
      return sendJsonLines(
        reply,
        events((emit) => apps.secrets.refresh(call.params.app, request, emit, signal)),
      );
    },
  );

  function byOf({ raw }: FastifyRequest): string {
    return callerOf(raw.socket);
  }
}

/** The master key. */
function keyRoutes(app: FastifyInstance, secrets: Secrets, apps: AppRouteParts['apps']): void {
  app.post<{ Body: Static<typeof RotateBody> }>(
    '/berth/v1/secrets/rotate-key',
    { schema: { body: RotateBody } },
    async ({ body }): Promise<RotateKeyAnswer> => {
      const values = await secrets.rotateKey(body.passphrase);
      return { values, protection: secrets.protection.by };
    },
  );
  app.post<{ Body: Static<typeof UnlockBody> }>(
    '/berth/v1/secrets/unlock',
    { schema: { body: UnlockBody } },
    async ({ body }, reply) => {
      await secrets.unlock(body.passphrase);
      await apps.secrets.unlocked();
      return reply.code(204).send();
    },
  );
}

function keyOf(name: string, app = ''): SecretKey {
  return { noun: 'secret', app, name };
}

/** Never with the text in the message: it is a secret, or nearly. */
function decoded(name: string, text: string): Uint8Array {
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text))
    return Buffer.from(text, 'base64');
  throw invalid(
    'secret-not-base64',
    `the value of the secret '${name}' is not base64, as it is required here`,
  );
}
