import type { SolveChange, SolveRecord } from '#engine/contracts.ts';
import { grpcCodes } from '#base/grpc/status.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import {
  historyEvents,
  timestamp,
  type HistoryEvent,
  type HistoryRequest,
  type Nothing,
  type UpdateHistoryRequest,
} from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';

type Event = ValueOf<typeof HistoryEvent>;

/** The solves that there are, then those to come, unless the client wants to leave early. */
export async function* listenHistory(
  { solves }: BuildkitParts,
  request: ValueOf<typeof HistoryRequest>,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const wanted = ({ ref, completed }: SolveRecord): boolean =>
    (request.ref === '' || ref === request.ref) && (!request.activeOnly || completed === undefined);
  const changes = solves.changes(signal);
  const known = solves.records().filter(wanted);
  const shown = request.limit > 0 ? known.slice(-request.limit) : known;
  for (const record of shown) yield eventOf({ kind: stateOf(record), record });
  if (request.earlyExit) return;
  for await (const change of changes) if (wanted(change.record)) yield eventOf(change);
}

export function updateHistory(
  { solves }: BuildkitParts,
  { ref, pinned, remove, finalize }: ValueOf<typeof UpdateHistoryRequest>,
): Promise<ValueOf<typeof Nothing>> {
  if (remove) solves.forget(ref);
  else if (!finalize) solves.pin(ref, pinned);
  return Promise.resolve({});
}

function stateOf({ completed }: SolveRecord): SolveChange['kind'] {
  return completed === undefined ? 'started' : 'completed';
}

function eventOf({ kind, record }: SolveChange): Event {
  const { ref, frontend, attributes, exporters, created, completed, error, response, pinned, steps } = record;
  return {
    type: historyEvents[kind],
    record: {
      ...{ ref, frontend, attributes, exporters, response, pinned },
      error: error === undefined ? undefined : { code: grpcCodes.unknown, message: error, details: [] },
      created: timestamp(created),
      completed: completed === undefined ? undefined : timestamp(completed),
      cachedSteps: steps.cached,
      totalSteps: steps.total,
      completedSteps: steps.completed,
      warnings: steps.warnings,
    },
  };
}
