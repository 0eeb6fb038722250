import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { fittingExactly } from '#api/docker/body.ts';
import { commitConfig } from '#api/docker/container-schemas.ts';
import { historyJson, inspectImage } from '#api/docker/image-json.ts';
import { listImages, manifestsJson } from '#api/docker/images-list.ts';
import { imageSearch } from '#api/docker/images-search.ts';
import { imageTransfers, joined, push } from '#api/docker/images-transfer.ts';
import { untilOf } from '#api/docker/prune-filters.ts';
import {
  filters,
  flag,
  isTrue,
  labelsMatch,
  one,
  single,
  type ManyQuery,
  type Query,
} from '#api/docker/query.ts';
import { AuthConfig, authOf, readRegistryAuth } from '#api/docker/registry-auth.ts';
import { clientGone } from '#api/streams.ts';
import { compareVersions } from '#api/versions.ts';
import { invalid, notFound } from '#base/errors.ts';
import { platformOf, platformsOf } from '#api/docker/platform-query.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Image } from '#domain/image/image.ts';
import type { Containers, Images } from '#engine/contracts.ts';

export interface ImageApiParts {
  images: Images;
  containers: Pick<Containers, 'get' | 'list' | 'pause' | 'unpause'>;
  /** Milliseconds since 1970. */
  now: () => number;
}

interface Wildcard {
  Params: { '*': string };
}

/** The image endpoints of the Docker Engine API. Names have slashes, so routes match the rest of the path. */
export function imageRoutes(app: FastifyInstance, parts: ImageApiParts): void {
  const { images } = parts;
  app.get<{ Querystring: Query }>('/images/json', (request) =>
    listImages(parts, request.query, request.apiVersion),
  );
  imageSearch(app, images);
  imageTransfers(app, images);
  namedImages(app, parts);
  registryEndpoints(app, images);
  pruneEndpoint(app, parts);
  commitEndpoint(app, parts);
}

function namedImages(app: FastifyInstance, parts: ImageApiParts): void {
  const { images } = parts;
  app.get<Wildcard & { Querystring: ManyQuery }>(
    '/images/*',
    { config: { repeats: true } },
    async (request, reply) => {
      const { name, verb } = split(request.params['*']);
      refuseBoth(request.query);
      if (verb === 'json') return inspect(parts, name, request.query, request.apiVersion);
      const platform = platformOf(request.query);
      if (verb === 'history') {
        const image = images.get(name, platform);
        return historyJson(image, ancestorsOf(images, image), await images.history(name, platform));
      }
      if (verb === 'get') return reply.type('application/x-tar').send(images.save([name], platform));
      throw notFound('page-not-found', 'page not found');
    },
  );
  app.post<Wildcard & { Querystring: ManyQuery }>(
    '/images/*',
    { config: { repeats: true } },
    async (request, reply) => {
      const { name, verb } = split(request.params['*']);
      if (verb === 'push') return push(images, name, request, reply);
      if (verb !== 'tag') throw notFound('page-not-found', 'page not found');
      await images.tag(name, joined(one(request.query, 'repo'), one(request.query, 'tag')));
      return reply.code(201).send();
    },
  );
  app.delete<Wildcard & { Querystring: ManyQuery }>(
    '/images/*',
    { config: { repeats: true } },
    ({ params, query }) =>
      images.remove(params['*'], {
        force: flag(single(query), 'force'),
        prune: !flag(single(query), 'noprune'),
        platforms: platformsOf(query, 'platforms'),
      }),
  );
}

function wantsManifests(query: ManyQuery): boolean {
  return flag(single(query), 'manifests');
}

/** @throws invalid in Docker's words */
function refuseBoth(query: ManyQuery): void {
  if (wantsManifests(query) && one(query, 'platform') !== '')
    throw invalid('query-invalid', 'conflicting options: manifests and platform options cannot both be set');
}

async function inspect(
  parts: ImageApiParts,
  name: string,
  query: ManyQuery,
  version: string,
): Promise<object> {
  const { images } = parts;
  const isAtLeast = (other: string): boolean => compareVersions(version, other) >= 0;
  const platform = isAtLeast('1.49') ? platformOf(query) : undefined;
  const image = images.get(name, platform);
  const carrier = images.get(name);
  const descriptor = isAtLeast('1.48') ? await images.descriptor(name, platform) : undefined;
  const manifests = wantsManifests(query) && isAtLeast('1.48') ? await manifestsJson(parts, name) : undefined;
  const { tags, repoDigests } = carrier;
  return inspectImage({ ...image, tags, repoDigests }, version, { descriptor, manifests });
}

function ancestorsOf(images: Images, { parent }: Image): Image[] {
  const image = parent === undefined ? undefined : images.find(parent);
  return image === undefined ? [] : [image, ...ancestorsOf(images, image)];
}

/** `library/redis:7/json` as name and verb. */
function split(path: string): { name: string; verb: string } {
  const slash = path.lastIndexOf('/');
  return { name: path.slice(0, Math.max(slash, 0)), verb: path.slice(slash + 1) };
}

function registryEndpoints(app: FastifyInstance, images: Images): void {
  app.get<Wildcard>('/distribution/*', async (request, reply) => {
    const { name, verb } = split(request.params['*']);
    if (verb !== 'json') throw notFound('page-not-found', 'page not found');
    const auth = readRegistryAuth(request.headers['x-registry-auth']);
    const { descriptor, platforms } = await images.inspectRemote(name, auth, clientGone(reply));
    return { Descriptor: descriptor, Platforms: platforms };
  });
  app.post<{ Body: Static<typeof AuthConfig> }>(
    '/auth',
    { schema: { body: AuthConfig }, preValidation: fittingExactly(AuthConfig) },
    async (request) => {
      const { status, identityToken } = await images.login(
        request.body.serveraddress ?? '',
        authOf(request.body),
      );
      return { Status: status, IdentityToken: identityToken };
    },
  );
}

function pruneEndpoint(app: FastifyInstance, { images, now }: ImageApiParts): void {
  app.post<{ Querystring: Query }>('/images/prune', async (request) => {
    const wanted = filters(request.query, ['dangling', 'label', 'label!', 'until']);
    const before = untilOf(wanted, now());
    const { removed, bytes } = await images.prune({
      all: wanted.has('dangling') && !isTrue(wanted, 'dangling'),
      accepts: ({ config }) =>
        (Date.parse(config.created ?? '') || 0) < before && labelsMatch(config.config?.Labels ?? {}, wanted),
    });
    return { ImagesDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: bytes };
  });
}

/** dockerode repeats the query in the body. */
const inQuery = ['container', 'repo', 'tag', 'comment', 'author', 'pause', 'changes'];

const CommitBody = Type.Union([Type.Null(), Type.Unsafe<ContainerConfig>(commitConfig)]);

function commitEndpoint(app: FastifyInstance, { images, containers }: ImageApiParts): void {
  app.post<{ Querystring: ManyQuery; Body: Static<typeof CommitBody> | undefined }>(
    '/commit',
    {
      schema: { body: CommitBody },
      preValidation: fittingExactly(CommitBody, (path) => inQuery.includes(path)),
      config: { repeats: true },
    },
    async ({ query, body }, reply) => {
      const container = containers.get(one(query, 'container'));
      const reference = joined(one(query, 'repo'), one(query, 'tag'));
      const options = {
        comment: one(query, 'comment'),
        author: one(query, 'author'),
        changes: [query['changes'] ?? []]
          .flat()
          .flatMap((lines) => lines.split('\n').filter((line) => line.trim() !== '')),
        ...(reference !== '' && { reference }),
        ...(body !== null && body !== undefined && { config: body }),
      };
      const holds = flag({ pause: one(query, 'pause') || undefined }, 'pause', true);
      const pauses = holds && container.state.status === 'running';
      if (pauses) await containers.pause(container.id);
      try {
        const image = await images.commit(container, options);
        return await reply.code(201).send({ Id: image.id });
      } finally {
        if (pauses) await containers.unpause(container.id);
      }
    },
  );
}
