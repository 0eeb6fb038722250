import type { FastifyInstance } from 'fastify';
import { filters, type Filters, type Query } from '#api/docker/query.ts';
import { clientGone, sendJsonLines } from '#api/streams.ts';
import { compareVersions } from '#api/versions.ts';
import { invalid } from '#base/errors.ts';
import type { EngineEvent } from '#domain/event/event.ts';
import { eventFilterKeys, eventMatches } from '#domain/event/filter.ts';
import { nanosOf, timeFromClient } from '#domain/event/time.ts';
import type { Events } from '#engine/contracts.ts';

/** `GET /events`: what happened and what happens, one JSON object a line. */
export function eventRoutes(app: FastifyInstance, engine: { events: Events }): void {
  app.get<{ Querystring: Query }>('/events', (request, reply) => {
    const wanted = filters(request.query, eventFilterKeys);
    const since = time(request.query, 'since');
    const until = time(request.query, 'until');
    checkOrder(request.query, since, until);
    const events = engine.events.read({
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      signal: clientGone(reply),
    });
    return sendJsonLines(reply, encode(events, wanted, request.apiVersion), { eager: true });
  });
}

function time(query: Query, name: string): string | undefined {
  const text = query[name];
  if (text === undefined || text === '') return undefined;
  const found = timeFromClient(text);
  if (found === undefined)
    throw invalid(
      'time-invalid',
      `invalid query parameter '${name}': '${text}' is neither seconds since 1970 nor RFC 3339`,
    );
  return found;
}

/** @throws invalid in Docker's words */
function checkOrder(query: Query, since: string | undefined, until: string | undefined): void {
  if (since === undefined || until === undefined || (nanosOf(since) ?? 0n) <= (nanosOf(until) ?? 0n)) return;
  const [from = '', to = ''] = [query['since'], query['until']];
  throw invalid('time-invalid', `\`since\` time (${from}) cannot be after \`until\` time (${to})`);
}

async function* encode(
  events: AsyncIterable<EngineEvent>,
  wanted: Filters,
  apiVersion: string,
): AsyncGenerator<string> {
  const isOld = compareVersions(apiVersion, '1.52') < 0;
  for await (const event of events) if (eventMatches(event, wanted)) yield messageOf(event, isOld);
}

/** Docker's EventMessage; `status`, `id` and `from` are the deprecated copies that older clients read. */
function messageOf(event: EngineEvent, isOld: boolean): string {
  const hasCopies = isOld && (event.type === 'container' || event.type === 'image');
  const from = event.attributes['image'];
  const message = JSON.stringify({
    ...(hasCopies && { status: event.action, id: event.id }),
    ...(hasCopies && from !== undefined && { from }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: Number(BigInt(event.timeNano) / 1_000_000_000n),
  });
  // A number in Docker's JSON, and too large for JavaScript's.
  return `${message.slice(0, -1)},"timeNano":${event.timeNano}}`;
}
