import type { SolveChange, SolveRecord } from '#engine/contracts.ts';
import { codeOf } from '#base/grpc/status.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { historyFilter } from '#api/buildkit/history-filter.ts';
import {
  historyEvents,
  timestamp,
  type HistoryEvent,
  type HistoryRequest,
  type Nothing,
  type UpdateHistoryRequest,
} from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import { resultsOf } from '#api/buildkit/record-results.ts';
import type { RecordBlobs } from '#api/buildkit/record-blobs.ts';

type Event = ValueOf<typeof HistoryEvent>;

/** The solves that there are, then those to come, unless the client wants to leave early. */
export async function* listenHistory(
  { solves, now }: BuildkitParts,
  blobs: RecordBlobs,
  request: ValueOf<typeof HistoryRequest>,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const passes = historyFilter(request.filters, now());
  const wanted = (record: SolveRecord): boolean =>
    (request.ref === '' || record.ref === request.ref) &&
    (!request.activeOnly || record.completed === undefined) &&
    passes(record);
  const changes = solves.changes(signal);
  const known = solves.records().filter(wanted);
  const shown = request.limit > 0 ? known.slice(-request.limit) : known;
  for (const record of shown) yield await eventOf(blobs, { kind: stateOf(record), record });
  if (request.earlyExit) return;
  for await (const change of changes) if (wanted(change.record)) yield await eventOf(blobs, change);
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

async function eventOf(blobs: RecordBlobs, { kind, record }: SolveChange): Promise<Event> {
  const { ref, frontend, attributes, exporters, created, completed, failure, response, pinned, steps } =
    record;
  const error = failure === undefined ? undefined : solveFailure(failure);
  // A deleted record has nothing left that could be read.
  const isKept = kind !== 'deleted';
  return {
    type: historyEvents[kind],
    record: {
      ...{ ref, frontend, attributes, exporters, response, pinned },
      error: error === undefined ? undefined : { code: codeOf(error), message: error.message, details: [] },
      created: timestamp(created),
      completed: completed === undefined ? undefined : timestamp(completed),
      logs: isKept ? await blobs.describe(record, 'logs') : undefined,
      trace: isKept ? await blobs.describe(record, 'trace') : undefined,
      failure: isKept ? await blobs.describe(record, 'failure') : undefined,
      ...resultsOf(record),
      cachedSteps: steps.cached,
      totalSteps: steps.total,
      completedSteps: steps.completed,
      warnings: steps.warnings,
    },
  };
}
