import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import type { AdviceAnswer } from '#api/types/advice.ts';
import type { Advisor } from '#engine/advise/advisor.ts';

const Query = Type.Object({ app: Type.Optional(Type.String()) }, { additionalProperties: false });

/** Limits that fit what was measured. */
export function adviceRoutes(app: FastifyInstance, { advisor }: { advisor: Advisor }): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    '/berth/v1/advice',
    { schema: { querystring: Query } },
    ({ query }): Promise<AdviceAnswer> => advisor.advise(query.app),
  );
}
