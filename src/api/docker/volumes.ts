import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { fittingExactly } from '#api/docker/body.ts';
import { filters, flag, isTrue, labelsMatch, type Filters, type Query } from '#api/docker/query.ts';
import { compareVersions } from '#api/versions.ts';
import { unavailable } from '#base/errors.ts';
import type { Volume } from '#domain/volume/volume.ts';
import type { Volumes } from '#engine/contracts.ts';

const Texts = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]));

const Create = Type.Object({
  Name: Type.Optional(Type.String()),
  Driver: Type.Optional(Type.String()),
  DriverOpts: Texts,
  Labels: Texts,
  ClusterVolumeSpec: Type.Optional(Type.Null()),
});

/** The volume endpoints of the Docker Engine API. */
export function volumeRoutes(app: FastifyInstance, engine: { volumes: Volumes }): void {
  const { volumes } = engine;
  app.get<{ Querystring: Query }>('/volumes', (request) => {
    const wanted = filters(request.query, ['dangling', 'driver', 'label', 'name']);
    const found = volumes.list().filter((volume) => isListed(volume, wanted, volumes));
    return { Volumes: found.map((volume) => volumeJson(volume)), Warnings: null };
  });
  app.post<{ Body: Static<typeof Create> }>(
    '/volumes/create',
    { schema: { body: Create }, preValidation: fittingExactly(Create) },
    async (request, reply) => {
      const { Name: name, Driver, DriverOpts, Labels } = request.body;
      const isAnonymous = name === undefined || name === '';
      const volume = await volumes.create({
        ...(name !== undefined && { name }),
        ...(Driver !== undefined && { driver: Driver }),
        options: DriverOpts ?? {},
        labels: Labels ?? {},
        anonymous: isAnonymous,
      });
      return reply.code(201).send(volumeJson(volume));
    },
  );
  app.get<{ Params: { name: string } }>('/volumes/:name', (request) =>
    volumeJson(volumes.get(request.params.name)),
  );
  app.put('/volumes/:name', () => {
    throw unavailable('no-swarm', 'This node is not a swarm manager: only cluster volumes can be updated.');
  });
  app.delete<{ Params: { name: string }; Querystring: Query }>('/volumes/:name', async (request, reply) => {
    await volumes.remove(request.params.name, flag(request.query, 'force'));
    return reply.code(204).send();
  });
  app.post<{ Querystring: Query }>('/volumes/prune', async (request) => {
    const wanted = filters(request.query, ['label', 'label!', 'all']);
    const takesNamed = compareVersions(request.apiVersion, '1.42') < 0 || isTrue(wanted, 'all');
    const candidates = volumes
      .list()
      .filter((volume) => (takesNamed || volume.anonymous) && labelsMatch(volume.labels, wanted));
    const { removed, bytes } = await volumes.prune(candidates);
    return { VolumesDeleted: removed, SpaceReclaimed: bytes };
  });
}

/** Docker's Volume. */
export function volumeJson(volume: Volume, usage?: { Size: number; RefCount: number }): object {
  return {
    CreatedAt: volume.created.replace(/\.\d+Z$/, 'Z'),
    Driver: volume.driver,
    Labels: Object.keys(volume.labels).length === 0 ? null : volume.labels,
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: Object.keys(volume.options).length === 0 ? null : volume.options,
    Scope: 'local',
    ...(usage !== undefined && { UsageData: usage }),
  };
}

function isListed(volume: Volume, wanted: Filters, volumes: Volumes): boolean {
  const names = wanted.get('name');
  const drivers = wanted.get('driver');
  if (names !== undefined && !names.some((name) => volume.name.includes(name))) return false;
  if (drivers !== undefined && !drivers.includes(volume.driver)) return false;
  if (wanted.has('dangling') && volumes.users(volume.name).length > 0 === isTrue(wanted, 'dangling'))
    return false;
  return labelsMatch(volume.labels, wanted);
}
