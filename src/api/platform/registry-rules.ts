import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type {
  ImmutableTagsBody,
  QuotaAnswer,
  RegistryMirrorBody,
  RetentionBody,
  WebhookAnswer,
} from '#api/types/registry.ts';
import { readQuota } from '#domain/registry/quota.ts';
import type { Registry } from '#engine/registry/registry.ts';
import { closed } from './project-body.ts';

const days = Type.Optional(Type.Number({ minimum: 0 }));
const Rule = Type.Object(
  {
    repositories: Type.String(),
    tags: Type.String(),
    keepLast: Type.Optional(Type.Integer({ minimum: 0 })),
    olderThan: days,
    unusedFor: days,
  },
  closed,
);
const TagsRule = Type.Object({ repositories: Type.String(), tags: Type.String() }, closed);
const scope = Type.Union([Type.Literal('each'), Type.Literal('all')]);
const NewQuota = Type.Object({ repositories: Type.String(), limit: Type.String(), scope }, closed);
const QuotaQuery = Type.Object({ repositories: Type.String(), scope }, closed);
const secret = Type.Optional(Type.String({ minLength: 1 }));
const MirrorBody = Type.Object(
  { prefix: Type.String(), upstream: Type.String(), secret, freshFor: Type.Number({ minimum: 0 }) },
  closed,
);
const MirrorQuery = Type.Object({ prefix: Type.String() }, closed);
const HookBody = Type.Object(
  {
    url: Type.String(),
    events: Type.Array(Type.String(), { minItems: 1 }),
    repositories: Type.String(),
    secret,
  },
  closed,
);
const HookPath = Type.Object({ id: Type.String() });

/** Retention, immutable tags, quotas, mirrors and webhooks. */
export function registryRuleRoutes(app: FastifyInstance, registry: Registry): void {
  retentionRoutes(app, registry);
  immutableRoutes(app, registry);
  quotaRoutes(app, registry);
  mirrorRoutes(app, registry);
  webhookRoutes(app, registry);
}

function retentionRoutes(app: FastifyInstance, { rules: { retention } }: Registry): void {
  app.get('/berth/v1/registry/retention', (): RetentionBody[] => retention.list());
  app.put<{ Body: Static<typeof Rule> }>(
    '/berth/v1/registry/retention',
    { schema: { body: Rule } },
    ({ body }): RetentionBody => {
      const { repositories, tags, keepLast, olderThan, unusedFor } = body;
      return retention.set({
        ...{ repositories, tags },
        ...(keepLast !== undefined && { keepLast }),
        ...(olderThan !== undefined && { olderThan }),
        ...(unusedFor !== undefined && { unusedFor }),
      });
    },
  );
  app.delete<{ Querystring: Static<typeof TagsRule> }>(
    '/berth/v1/registry/retention',
    { schema: { querystring: TagsRule } },
    ({ query }, reply) => {
      retention.remove(query);
      return reply.code(204).send();
    },
  );
}

function immutableRoutes(app: FastifyInstance, { rules: { immutable } }: Registry): void {
  app.get('/berth/v1/registry/immutable', (): ImmutableTagsBody[] => immutable.list());
  app.put<{ Body: Static<typeof TagsRule> }>(
    '/berth/v1/registry/immutable',
    { schema: { body: TagsRule } },
    ({ body }): ImmutableTagsBody => immutable.set(body),
  );
  app.delete<{ Querystring: Static<typeof TagsRule> }>(
    '/berth/v1/registry/immutable',
    { schema: { querystring: TagsRule } },
    ({ query }, reply) => {
      immutable.remove(query);
      return reply.code(204).send();
    },
  );
}

function quotaRoutes(app: FastifyInstance, { rules: { quotas } }: Registry): void {
  app.get('/berth/v1/registry/quotas', (): QuotaAnswer[] => quotas.list());
  app.put<{ Body: Static<typeof NewQuota> }>(
    '/berth/v1/registry/quotas',
    { schema: { body: NewQuota } },
    ({ body }): QuotaAnswer => quotas.set(readQuota(body)),
  );
  app.delete<{ Querystring: Static<typeof QuotaQuery> }>(
    '/berth/v1/registry/quotas',
    { schema: { querystring: QuotaQuery } },
    ({ query }, reply) => {
      quotas.remove(query);
      return reply.code(204).send();
    },
  );
}

function mirrorRoutes(app: FastifyInstance, { mirrors }: Registry): void {
  app.get('/berth/v1/registry/mirrors', (): RegistryMirrorBody[] => mirrors.list());
  app.put<{ Body: Static<typeof MirrorBody> }>(
    '/berth/v1/registry/mirrors',
    { schema: { body: MirrorBody } },
    ({ body }): RegistryMirrorBody => {
      const { secret: name, ...mirror } = body;
      return mirrors.set({ ...mirror, ...(name !== undefined && { secret: name }) });
    },
  );
  app.delete<{ Querystring: Static<typeof MirrorQuery> }>(
    '/berth/v1/registry/mirrors',
    { schema: { querystring: MirrorQuery } },
    ({ query }, reply) => {
      mirrors.remove(query.prefix);
      return reply.code(204).send();
    },
  );
}

function webhookRoutes(app: FastifyInstance, { webhooks }: Registry): void {
  app.get('/berth/v1/registry/webhooks', (): WebhookAnswer[] => webhooks.list());
  app.post<{ Body: Static<typeof HookBody> }>(
    '/berth/v1/registry/webhooks',
    { schema: { body: HookBody } },
    ({ body }, reply) => {
      const { secret: name, ...hook } = body;
      return reply.code(201).send(webhooks.add({ ...hook, ...(name !== undefined && { secret: name }) }));
    },
  );
  app.delete<{ Params: Static<typeof HookPath> }>(
    '/berth/v1/registry/webhooks/:id',
    { schema: { params: HookPath } },
    ({ params }, reply) => {
      webhooks.remove(params.id);
      return reply.code(204).send();
    },
  );
}
