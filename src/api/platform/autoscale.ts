import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { AutoscaleAnswer, ProposalAnswer } from '#api/types/autoscale.ts';
import type { Proposal } from '#domain/autoscale/proposal.ts';
import type { Autoscaler, AutoscaleView } from '#engine/autoscale/autoscaler.ts';

const ServicePath = Type.Object({ app: Type.String(), service: Type.String() });

/** Services whose number of replicas follows from what they do. */
export function autoscaleRoutes(app: FastifyInstance, { autoscaler }: { autoscaler: Autoscaler }): void {
  app.get('/berth/v1/autoscale', async () => (await autoscaler.list()).map(answer));
  app.get<{ Params: Static<typeof ServicePath> }>(
    '/berth/v1/autoscale/:app/:service',
    { schema: { params: ServicePath } },
    async ({ params }) => answer(await autoscaler.explain(params.app, params.service)),
  );
}

function answer({ app, service, rules, decision, notes, paused, changes }: AutoscaleView): AutoscaleAnswer {
  const { min, max, tolerance, up, down, schedule } = rules;
  const { current, replicas, proposals, recommended, stabilized, floor, pace, limits } = decision;
  return {
    ...{ app, service, min, max, tolerance, up, down, schedule },
    ...{ current, replicas, proposals: proposals.map(proposal) },
    ...(recommended === undefined ? {} : { recommended }),
    ...{ stabilized, floor, pace, limits, notes },
    ...(paused === undefined ? {} : { paused }),
    changes: changes.map(({ at, from, to, reason }) => ({
      at: new Date(at).toISOString(),
      from,
      to,
      reason,
    })),
  };
}

function proposal({ metric, replicas, measured, target, formula }: Proposal): ProposalAnswer {
  return {
    ...{ metric, target, formula },
    ...(replicas === undefined ? {} : { replicas }),
    ...(measured === undefined ? {} : { measured }),
  };
}
