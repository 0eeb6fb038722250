import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { fitting, fittingExactly } from '#api/docker/body.ts';
import { unknownWarnings } from '#api/docker/container-schemas.ts';
import { networkJson } from '#api/docker/network-json.ts';
import {
  connectBody,
  createBody,
  disconnectBody,
  endpointOf,
  isEndpointResult,
  newNetworkOf,
} from '#api/docker/network-schemas.ts';
import { momentOf } from '#api/docker/prune-filters.ts';
import { filters, labelsMatch, type Filters, type Query } from '#api/docker/query.ts';
import { matchesName } from '#domain/filter/name.ts';
import { invalid } from '#base/errors.ts';
import type { Network } from '#domain/network/network.ts';
import { isPredefined } from '#domain/network/request.ts';
import type { Containers, Networks } from '#engine/contracts.ts';

export interface NetworkRoutesEngine {
  networks: Networks;
  containers: Pick<Containers, 'connect' | 'disconnect'>;
  /** Milliseconds since 1970. */
  now: () => number;
}

const LIST_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];

/** The network endpoints of the Docker Engine API. */
export function networkRoutes(app: FastifyInstance, engine: NetworkRoutesEngine): void {
  const { networks, containers } = engine;
  app.get<{ Querystring: Query }>('/networks', (request) => {
    const wanted = filters(request.query, LIST_FILTERS);
    const found = networks.list().filter((network) => isListed(network, wanted, networks));
    return found.map((network) => networkJson(network, []));
  });
  app.get<{ Params: { id: string } }>('/networks/:id', (request) => {
    const network = networks.get(request.params.id);
    return networkJson(network, networks.joined(network));
  });
  app.post<{ Body: Static<typeof createBody> }>(
    '/networks/create',
    { schema: { body: createBody }, preValidation: fitting(createBody) },
    async (request, reply) => {
      const { id } = await networks.create(newNetworkOf(request.body));
      return reply.code(201).send({ Id: id, Warning: unknownWarnings(request.unknownFields).join(' ') });
    },
  );
  app.delete<{ Params: { id: string } }>('/networks/:id', async (request, reply) => {
    await networks.remove(request.params.id);
    return reply.code(204).send();
  });
  app.post<{ Params: { id: string }; Body: Static<typeof connectBody> }>(
    '/networks/:id/connect',
    { schema: { body: connectBody }, preValidation: fittingExactly(connectBody, isEndpointResult) },
    async (request, reply) => {
      await containers.connect(request.body.Container, request.params.id, endpointOf(request.body));
      return reply.send();
    },
  );
  app.post<{ Params: { id: string }; Body: Static<typeof disconnectBody> }>(
    '/networks/:id/disconnect',
    { schema: { body: disconnectBody }, preValidation: fittingExactly(disconnectBody) },
    async (request, reply) => {
      const { Container, Force } = request.body;
      await containers.disconnect(Container, request.params.id, Force ?? false);
      return reply.send();
    },
  );
  app.post<{ Querystring: Query }>('/networks/prune', async (request) => {
    const wanted = filters(request.query, ['label', 'label!', 'until']);
    const [until] = wanted.get('until') ?? [];
    const before = until === undefined ? Infinity : momentOf(until, engine.now());
    const candidates = networks
      .list()
      .filter((network) => Date.parse(network.created) < before && labelsMatch(network.labels, wanted));
    const removed = await networks.prune(candidates);
    return { NetworksDeleted: removed.length === 0 ? null : removed };
  });
}

/** Values of one key are alternatives; different keys must all hold. */
function isListed(network: Network, wanted: Filters, networks: Networks): boolean {
  const some = (key: string, matches: (value: string) => boolean): boolean =>
    wanted.get(key)?.some(matches) ?? true;
  return (
    some('driver', (value) => network.driver === value) &&
    some('scope', (value) => network.scope === value) &&
    some('id', (value) => network.id.startsWith(value)) &&
    some('name', (value) => matchesName(network.name, value)) &&
    some('type', (value) => isPredefined(network.name) === isBuiltin(value)) &&
    some('dangling', (value) => isDangling(network, networks) === isTrue(value)) &&
    labelsMatch(network.labels, wanted)
  );
}

function isDangling(network: Network, networks: Networks): boolean {
  return !isPredefined(network.name) && networks.joined(network).length === 0;
}

function isBuiltin(value: string): boolean {
  if (value === 'builtin') return true;
  if (value === 'custom') return false;
  throw invalid('filter-invalid', `invalid filter: 'type'='${value}'`);
}

function isTrue(value: string): boolean {
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw invalid(
    'filter-invalid',
    `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
  );
}
