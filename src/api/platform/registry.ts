import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type {
  RegistryCollectedAnswer,
  RegistryStatusAnswer,
  RepositoryAnswer,
  TagAnswer,
} from '#api/types/registry.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import { checkRepositoryName, parseManifestReference } from '#domain/registry/names.ts';
import type { Certificates } from '#engine/ingress/certificates.ts';
import { standardCollection, type Registry } from '#engine/registry/registry.ts';
import { registryAccountRoutes } from './registry-accounts.ts';
import { registryRuleRoutes } from './registry-rules.ts';
import { closed } from './project-body.ts';

const StartBody = Type.Object(
  {
    address: Type.Optional(Type.String()),
    names: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$' }))),
    tls: Type.Optional(
      Type.Union([
        Type.Literal('auto'),
        Type.Literal('off'),
        Type.Literal('local'),
        Type.Literal('files'),
        Type.Literal('acme'),
      ]),
    ),
    cert: Type.Optional(Type.String({ pattern: '^/' })),
    key: Type.Optional(Type.String({ pattern: '^/' })),
  },
  closed,
);
const Repository = Type.Object({ repository: Type.String() }, closed);
const Content = Type.Object({ repository: Type.String(), reference: Type.String() }, closed);
const CollectBody = Type.Object(
  {
    dryRun: Type.Optional(Type.Boolean()),
    untagged: Type.Optional(Type.Boolean()),
    /** Seconds. */
    grace: Type.Optional(Type.Number({ minimum: 0 })),
    uploadAge: Type.Optional(Type.Number({ minimum: 0 })),
  },
  closed,
);

export interface RegistryRouteParts {
  registry: Registry;
  certificates: Certificates;
}

/** How the built-in registry is managed. No scope opens these routes. */
export function registryRoutes(app: FastifyInstance, { registry, certificates }: RegistryRouteParts): void {
  servingRoutes(app, registry, certificates);
  contentRoutes(app, registry);
  registryAccountRoutes(app, registry);
  registryRuleRoutes(app, registry);
}

function servingRoutes(app: FastifyInstance, registry: Registry, certificates: Certificates): void {
  const status = (): RegistryStatusAnswer => ({
    ...registry.serving.status(),
    open: registry.accounts.isOpen,
    repositories: registry.repositories().length,
    uploads: registry.uploads.count,
  });
  app.get('/berth/v1/registry', status);
  app.post<{ Body: Static<typeof StartBody> }>(
    '/berth/v1/registry/start',
    { schema: { body: StartBody } },
    async ({ body }) => {
      await registry.serving.start(body);
      return status();
    },
  );
  app.post('/berth/v1/registry/stop', async () => {
    await registry.serving.stop();
    return status();
  });
  app.get('/berth/v1/registry/ca', async () => ({ certificate: await certificates.authorityCertificate() }));
}

function contentRoutes(app: FastifyInstance, registry: Registry): void {
  app.get('/berth/v1/registry/repositories', (): RepositoryAnswer[] => registry.listing.repositories());
  app.get<{ Querystring: Static<typeof Repository> }>(
    '/berth/v1/registry/tags',
    { schema: { querystring: Repository } },
    ({ query }): TagAnswer[] => registry.listing.tags(checkRepositoryName(query.repository)),
  );
  app.delete<{ Querystring: Static<typeof Content> }>(
    '/berth/v1/registry/content',
    { schema: { querystring: Content } },
    async ({ query }, reply) => {
      const repository = checkRepositoryName(query.repository);
      await registry.manifests.delete(repository, parseManifestReference(query.reference), '');
      return reply.code(204).send();
    },
  );
  app.post<{ Body: Static<typeof CollectBody> }>(
    '/berth/v1/registry/gc',
    { schema: { body: CollectBody } },
    ({ body }): Promise<RegistryCollectedAnswer> => {
      const { dryRun = false, untagged = false, grace, uploadAge } = body;
      const { graceMs, uploadMs } = standardCollection;
      const seconds = (given: number | undefined, standard: number): number =>
        given === undefined ? standard : given * 1000;
      const options = { untagged, graceMs: seconds(grace, graceMs), uploadMs: seconds(uploadAge, uploadMs) };
      return registry.collect(options, dryRun);
    },
  );
  app.post('/berth/v1/registry/verify', (_request, reply) =>
    sendJsonLines(reply, registry.verify(clientGone(reply))),
  );
}
