import type { FastifyInstance } from 'fastify';
import { Type, type Static } from 'typebox';
import { formatPlace } from '#domain/policy/model.ts';
import { formatPeer, formatPort } from '#domain/policy/words.ts';
import type { Policies, ShownPolicy } from '#engine/contracts.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import type { AllowAnswer, DenialLine, FlowAnswer, PolicyAnswer } from '#api/types/policies.ts';

const closed = { additionalProperties: false };
const ListQuery = Type.Object({ app: Type.Optional(Type.String()) }, closed);
const DeniedQuery = Type.Object(
  {
    app: Type.Optional(Type.String()),
    follow: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
  },
  closed,
);
const FlowBody = Type.Object({ flow: Type.String(), app: Type.Optional(Type.String()) }, closed);

/** Who may call whom. Policies themselves come with the apps. */
export function policyRoutes(
  app: FastifyInstance,
  { policies }: { policies: Pick<Policies, 'list' | 'test' | 'denied'> },
): void {
  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/berth/v1/policies',
    { schema: { querystring: ListQuery } },
    ({ query }): PolicyAnswer[] => policies.list(query.app).map(answer),
  );
  app.post<{ Body: Static<typeof FlowBody> }>(
    '/berth/v1/policies/test',
    { schema: { body: FlowBody } },
    ({ body }): Promise<FlowAnswer> => policies.test(body.flow, body.app),
  );
  app.get<{ Querystring: Static<typeof DeniedQuery> }>(
    '/berth/v1/policies/denied',
    { schema: { querystring: DeniedQuery } },
    ({ query }, reply) => {
      const lines: AsyncIterable<DenialLine> = policies.denied({
        ...(query.app === undefined ? {} : { app: query.app }),
        follow: query.follow === 'true',
        signal: clientGone(reply),
      });
      return sendJsonLines(reply, lines, { eager: true });
    },
  );
}

function answer({ app, name, at, selected, addsOnly, ingress, egress }: ShownPolicy): PolicyAnswer {
  return {
    ...{ app, name, at: formatPlace(at), selected, addsOnly: addsOnly === true },
    ...(ingress === undefined ? {} : { ingress: ingress.map(allowAnswer) }),
    ...(egress === undefined ? {} : { egress: egress.map(allowAnswer) }),
  };
}

function allowAnswer({ at, peers, ports }: NonNullable<ShownPolicy['ingress']>[number]): AllowAnswer {
  return {
    at: formatPlace(at),
    ...(peers === undefined ? {} : { peers: peers.map(formatPeer) }),
    ...(ports === undefined ? {} : { ports: ports.map(formatPort) }),
  };
}
