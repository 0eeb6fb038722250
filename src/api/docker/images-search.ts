import type { FastifyInstance } from 'fastify';
import { filters, integer, isTrue, type Filters, type Query } from '#api/docker/query.ts';
import { readRegistryAuth } from '#api/docker/registry-auth.ts';
import { clientGone } from '#api/streams.ts';
import { invalid } from '#base/errors.ts';
import type { Images } from '#engine/contracts.ts';

const standardLimit = 25;
const highestLimit = 100;

type Result = Awaited<ReturnType<Images['search']>>[number];

/** `docker search`. */
export function imageSearch(app: FastifyInstance, images: Images): void {
  app.get<{ Querystring: Query }>('/images/search', async ({ query, headers }, reply) => {
    const wanted = filters(query, ['is-automated', 'is-official', 'stars']);
    const matches = matcher(wanted);
    const auth = readRegistryAuth(headers['x-registry-auth']);
    const found = await images.search(query['term'] ?? '', limitOf(query), auth, clientGone(reply));
    return found.filter(matches).map(({ name, description, stars, isOfficial }) => ({
      star_count: stars,
      is_official: isOfficial,
      name,
      is_automated: false,
      description,
    }));
  });
}

/** @throws invalid in Docker's words */
function limitOf(query: Query): number {
  const limit = integer(query, 'limit') ?? standardLimit;
  if (limit >= 1 && limit <= highestLimit) return limit;
  throw invalid('query-invalid', `limit ${limit} is outside the range of [1, ${highestLimit}]`);
}

/** @throws invalid in Docker's words */
function matcher(wanted: Filters): (result: Result) => boolean {
  const official = wanted.has('is-official') ? isTrue(wanted, 'is-official') : undefined;
  // No registry says so of an image any more.
  const automated = wanted.has('is-automated') && isTrue(wanted, 'is-automated');
  const stars = (wanted.get('stars') ?? []).map((text) => {
    if (/^\d+$/.test(text)) return Number(text);
    throw invalid('filter-invalid', `invalid filter 'stars=[${text}]'`);
  });
  const least = Math.max(0, ...stars);
  return (result) =>
    !automated && result.stars >= least && (official === undefined || result.isOfficial === official);
}
