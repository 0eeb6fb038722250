import type { Choice, SolveRequest } from '#engine/contracts.ts';
import { answering, unary, type Methods } from '#base/grpc/server.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { unsupported } from '#base/errors.ts';
import { inputsOf, refuseGraph } from '#api/buildkit/definition.ts';
import { diskUsage, prune } from '#api/buildkit/cache.ts';
import { listenHistory, updateHistory } from '#api/buildkit/history.ts';
import * as messages from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import type { RecordBlobs } from '#api/buildkit/record-blobs.ts';
import { offerOf } from '#api/buildkit/session.ts';
import { sessionWithin } from '#api/buildkit/session-within.ts';
import { statusOf } from '#api/buildkit/status-messages.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { versionOf, workerOf } from '#api/buildkit/worker.ts';

const service = '/moby.buildkit.v1.Control';

/** The service that clients build with. */
export function controlService(parts: BuildkitParts, blobs: RecordBlobs): Methods {
  const { solves, system } = parts;
  return {
    [`${service}/Solve`]: unary(
      messages.SolveRequest,
      messages.SolveResponse,
      async (request, { signal }) => {
        try {
          return { exporterResponse: await solves.solve(solveRequest(request), signal) };
        } catch (error) {
          throw solveFailure(error);
        }
      },
    ),
    [`${service}/Status`]: answering(
      messages.StatusRequest,
      messages.StatusResponse,
      async function* ({ ref }, { signal }) {
        for await (const event of solves.follow(ref, signal)) yield statusOf(event);
      },
    ),
    [`${service}/Session`]: (requests, { metadata, signal }) =>
      sessionWithin(parts.sessions, requests, offerOf(metadata), signal),
    [`${service}/ListWorkers`]: unary(messages.Nothing, messages.ListWorkersResponse, async () => ({
      records: [await workerOf(parts)],
    })),
    [`${service}/Info`]: unary(messages.Nothing, messages.InfoResponse, async () => {
      const { release } = await system.report();
      return { version: versionOf(release) };
    }),
    [`${service}/DiskUsage`]: unary(messages.DiskUsageRequest, messages.DiskUsageResponse, ({ filters }) =>
      Promise.resolve({ records: diskUsage(parts, filters) }),
    ),
    [`${service}/Prune`]: answering(messages.PruneRequest, messages.UsageRecord, (request) =>
      prune(parts, request),
    ),
    [`${service}/ListenBuildHistory`]: answering(
      messages.HistoryRequest,
      messages.HistoryEvent,
      (request, { signal }) => listenHistory(parts, blobs, request, signal),
    ),
    [`${service}/UpdateBuildHistory`]: unary(messages.UpdateHistoryRequest, messages.Nothing, (request) =>
      updateHistory(parts, request),
    ),
  };
}

function solveRequest(request: ValueOf<typeof messages.SolveRequest>): SolveRequest {
  const { ref, session, frontend, attributes, entitlements, internal, cache } = request;
  refuseGraph(request.definition);
  refusePolicy(request);
  const { exporterDeprecated: type, exporterAttributesDeprecated } = request;
  const old: Choice[] = type === '' ? [] : [{ type, attributes: exporterAttributesDeprecated }];
  return {
    ...{ ref, session, frontend, attributes, entitlements, internal },
    exporters: request.exporters.length > 0 ? request.exporters : old,
    cacheFrom: cache?.imports ?? [],
    cacheTo: cache?.exports ?? [],
    inputs: inputsOf(request.inputs),
  };
}

/** A source that a policy denies must not be built from. @throws unsupported `source-policy-unsupported` */
function refusePolicy({ sourcePolicy, sourcePolicySession }: ValueOf<typeof messages.SolveRequest>): void {
  if (sourcePolicy.length === 0 && sourcePolicySession === '') return;
  throw unsupported('source-policy-unsupported', 'policies of sources are not offered', {
    hint: 'docker buildx build --policy disabled=true builds without one, such as a Dockerfile.rego',
  });
}
