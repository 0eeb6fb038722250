import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { CollectAnswer, DiskAnswer } from '#api/types/disk.ts';
import type { DiskCollector } from '#engine/disk/collector.ts';
import type { Usage } from '#engine/disk/usage.ts';
import { closed } from './project-body.ts';

const CollectBody = Type.Object(
  { dryRun: Type.Optional(Type.Boolean()), unused: Type.Optional(Type.Boolean()) },
  closed,
);

export interface DiskRouteParts {
  usage: Usage;
  diskCollector: DiskCollector;
}

/** What takes the disk, and its collection. No scope opens the latter. */
export function diskRoutes(app: FastifyInstance, { usage, diskCollector }: DiskRouteParts): void {
  app.get('/berth/v1/disk', (): Promise<DiskAnswer> => usage.show());
  app.post<{ Body: Static<typeof CollectBody> }>(
    '/berth/v1/disk/collect',
    { schema: { body: CollectBody } },
    ({ body: { dryRun = false, unused = false } }): Promise<CollectAnswer> => {
      const goal = unused ? 'unused' : 'rules';
      return dryRun ? diskCollector.plan(goal) : diskCollector.collect(goal);
    },
  );
}
