import type { FastifyInstance } from 'fastify';
import { isKind } from '#base/errors.ts';
import type { Container } from '#domain/container/container.ts';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import {
  checkFilterValues,
  containerFilters,
  includesStopped,
  matchesFilters,
  type FilterContext,
} from '#domain/container/filters.ts';
import { compareVersions } from '#api/versions.ts';
import { isActive } from '#domain/container/state.ts';
import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { Containers, Images } from '#engine/contracts.ts';
import { inspectJson, summaryJson } from '#api/docker/container-json.ts';
import { filters, flag, integer, labelsMatch, type Filters, type Query } from '#api/docker/query.ts';

interface Named {
  Params: { id: string };
  Querystring: Query;
}

/** `docker ps` and `docker inspect`. */
export function containerViews(app: FastifyInstance, parts: ContainerApiParts): void {
  const { containers, images } = parts;

  app.get<{ Querystring: Query }>('/containers/json', async ({ query, apiVersion }) => {
    const wanted = filters(query, containerFilters);
    checkFilterValues(wanted);
    const chosen = choose(parts, query, wanted);
    const withSize = flag(query, 'size');
    return Promise.all(
      chosen.map((container) => containerSummary(parts, container, { withSize, apiVersion })),
    );
  });

  app.get<Named>('/containers/:id/json', async ({ params, query, apiVersion }) => {
    const container = withPorts(parts, containers.get(params.id));
    const manifest = await manifestOf(images, container);
    const context = {
      paths: containers.pathsOf(container),
      execs: containers.execsOf(container.id),
      comesBack: containers.comesBack(container.id),
      sandbox: `/proc/${container.state.pid}/ns/net`,
      ...(manifest !== undefined && { manifest }),
      apiVersion,
    };
    if (!flag(query, 'size')) return inspectJson(container, context);
    return inspectJson(container, { ...context, sizes: await containers.sizes(container.id) });
  });
}

/** With the ports that lead to it by its service, too. */
function withPorts({ networks }: ContainerApiParts, container: Container): Container {
  return { ...container, ports: networks.portsOf(container) };
}

/** Undefined where the image is gone, be it while it is asked for. */
async function manifestOf(images: Images, { imageId }: Container): Promise<Descriptor | undefined> {
  if (images.find(imageId) === undefined) return undefined;
  try {
    return await images.manifestOf(imageId);
  } catch (error) {
    if (isKind(error, 'not-found')) return undefined;
    throw error;
  }
}

function choose(parts: ContainerApiParts, query: Query, wanted: Filters): Container[] {
  const limit = integer(query, 'limit') ?? 0;
  const all = flag(query, 'all') || limit > 0 || includesStopped(wanted);
  const labels: Filters = new Map([...wanted].filter(([key]) => key === 'label'));
  const others: Filters = new Map([...wanted].filter(([key]) => key !== 'label'));
  const context = filterContext(parts);
  const found = parts.containers
    .list()
    .map((container) => withPorts(parts, container))
    .filter((container) => all || isActive(container))
    .filter((container) => labelsMatch(container.config.Labels ?? {}, labels))
    .filter((container) => matchesFilters(container, others, context))
    .sort((one, other) => (one.created < other.created ? 1 : -1));
  return limit > 0 ? found.slice(0, limit) : found;
}

function filterContext({ containers, images }: ContainerApiParts): FilterContext {
  return {
    find: (ref) => containers.find(ref),
    descendants: (name) => {
      const ancestor = images.find(name);
      if (ancestor === undefined) return [];
      const others = Object.values(images.index(name)?.images ?? {}).flatMap((id) => images.find(id) ?? []);
      return [ancestor, ...others].flatMap((one) =>
        images
          .list()
          .filter((image) => descends(images, image, one))
          .map((image) => image.id),
      );
    },
  };
}

/** By the parents that the classic builder keeps, or by what the layers of the one add to those of the other. */
function descends(images: Images, image: Image, ancestor: Image): boolean {
  if (image.id === ancestor.id) return true;
  const own = image.config.rootfs.diff_ids;
  const layers = ancestor.config.rootfs.diff_ids;
  if (layers.length > 0 && own.length > layers.length && layers.every((id, at) => own[at] === id))
    return true;
  const parent = image.parent === undefined ? undefined : images.find(image.parent);
  return parent !== undefined && descends(images, parent, ancestor);
}

/** Whether the name that a container was made by stands for its image still, be it among others. */
function isNamed(images: Images, { imageName, imageId }: Container): boolean {
  if (images.find(imageName)?.id === imageId) return true;
  return Object.values(images.index(imageName)?.images ?? {}).some((id) => id === imageId);
}

/** One entry of `GET /containers/json`. */
export async function containerSummary(
  { containers, images, now }: ContainerApiParts,
  container: Container,
  { withSize, apiVersion }: { withSize: boolean; apiVersion: string },
): Promise<Record<string, unknown>> {
  const nameHolds = isNamed(images, container);
  const manifest = compareVersions(apiVersion, '1.48') < 0 ? undefined : await manifestOf(images, container);
  const context = { now: now(), nameHolds, apiVersion, ...(manifest !== undefined && { manifest }) };
  if (!withSize) return summaryJson(container, context);
  return summaryJson(container, { ...context, sizes: await sizesOf(containers, container) });
}

/** A container that is removed while a list is made has none left. */
async function sizesOf(containers: Containers, { id }: Container): ReturnType<Containers['sizes']> {
  try {
    return await containers.sizes(id);
  } catch (error) {
    if (isKind(error, 'not-found')) return { own: 0, root: 0 };
    throw error;
  }
}
