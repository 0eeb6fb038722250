import type { FastifyInstance } from 'fastify';
import { cacheJson } from '#api/docker/build-cache.ts';
import { containerSummary } from '#api/docker/containers-list.ts';
import type { ContainerApiParts } from '#api/docker/containers.ts';
import { listImages, membersOf } from '#api/docker/images-list.ts';
import { volumeJson } from '#api/docker/volumes.ts';
import { compareVersions } from '#api/versions.ts';
import { invalid } from '#base/errors.ts';
import type { CacheEntry } from '#domain/build/cache-prune.ts';
import type { Builds, Volumes } from '#engine/contracts.ts';
import type { System } from '#engine/system/system.ts';

export interface DiskUsageParts extends ContainerApiParts {
  system: System;
  volumes: Volumes;
  builds: Pick<Builds, 'cacheEntries'>;
}

const kinds = ['container', 'image', 'volume', 'build-cache'] as const;

type Kind = (typeof kinds)[number];

/** `GET /system/df`: what takes the disk; with `type` only these kinds are counted. */
export function diskUsageRoutes(app: FastifyInstance, parts: DiskUsageParts): void {
  app.get<{ Querystring: { type?: string | string[] } }>(
    '/system/df',
    { config: { repeats: true } },
    async ({ query, apiVersion }) => {
      const asked = [query.type ?? []].flat();
      const strange = asked.find((type) => !kinds.some((kind) => kind === type));
      if (strange !== undefined) throw invalid('type-invalid', `unknown object type: ${strange}`);
      const wants = (kind: Kind): boolean => asked.length === 0 || asked.includes(kind);
      const cache = parts.builds.cacheEntries();
      return {
        ...(wants('image') && {
          LayersSize: await parts.system.layersSize(),
          Images: await images(parts, apiVersion),
        }),
        ...(wants('container') && { Containers: await containers(parts, apiVersion) }),
        ...(wants('volume') && { Volumes: await volumes(parts) }),
        ...(wants('build-cache') && { BuildCache: cache.map((entry) => cacheJson(entry, apiVersion)) }),
        ...(compareVersions(apiVersion, '1.42') < 0 && { BuilderSize: total(cache) }),
      };
    },
  );
}

function total(cache: CacheEntry[]): number {
  return cache.reduce((sum, { size }) => sum + size, 0);
}

/** As `docker images` has them, with the number of containers, which only this endpoint counts. */
async function images(parts: DiskUsageParts, apiVersion: string): Promise<object[]> {
  const summaries = await listImages(parts, { 'shared-size': '1' }, apiVersion);
  const used = parts.containers.list().map(({ imageId }): unknown => imageId);
  return summaries.map((summary) => {
    const id: unknown = 'Id' in summary ? summary.Id : undefined;
    const image = typeof id === 'string' ? parts.images.find(id) : undefined;
    const members = new Set<unknown>(image && membersOf(parts.images, image).map((each) => each.id));
    return { ...summary, Containers: used.filter((imageId) => members.has(imageId)).length };
  });
}

function containers(parts: DiskUsageParts, apiVersion: string): Promise<object[]> {
  return Promise.all(
    parts.containers
      .list()
      .map((container) => containerSummary(parts, container, { withSize: true, apiVersion })),
  );
}

async function volumes({ volumes, system }: DiskUsageParts): Promise<object[]> {
  const sizes = await system.volumeUsage();
  return volumes
    .list()
    .map((volume) =>
      volumeJson(volume, { Size: sizes.get(volume.name) ?? 0, RefCount: volumes.users(volume.name).length }),
    );
}
