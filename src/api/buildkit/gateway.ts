import type { FrontendOutcome, SolveRequest } from '#engine/contracts.ts';
import { unary, type Call, type Method, type Methods } from '#base/grpc/server.ts';
import { GrpcError, grpcCodes } from '#base/grpc/status.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { refuseInputs, withoutLlb } from '#api/buildkit/control.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import * as messages from '#api/buildkit/gateway-messages.ts';
import { Nothing, VertexWarning } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import { warningOf } from '#api/buildkit/status-messages.ts';
import { workerOf } from '#api/buildkit/worker.ts';

const service = '/moby.buildkit.v1.frontend.LLBBridge';

// What clients may ask of a frontend's gateway, and of graphs and exporters; those for graphs are what a Dockerfile does.
const gatewayCapabilities = [
  ...['solve.base', 'solve.inlinereturn', 'resolveimage', 'resolveimage.resolvemode', 'return'],
  ...['returnmap', 'importcaches', 'proto.refarray', 'reference.output'],
  ...['gateway.solve.metadata', 'frontend.caps', 'gateway.solve.evaluate', 'gateway.evaluate'],
  'gateway.warnings',
];
const graphCapabilities = [
  ...['source.image', 'source.local', 'source.http', 'platform', 'constraints', 'exporter.multiple'],
  ...['exporter.sourcedateepoch', 'exec.meta.ulimit', 'exec.meta.cgroup.parent'],
];

/** The service that a client uses that steers its build itself, as buildx does. */
export function gatewayService(parts: BuildkitParts): Methods {
  const { solves, images } = parts;
  return {
    [`${service}/Ping`]: unary(Nothing, messages.PongResponse, async () => ({
      frontend: gatewayCapabilities.map(enabled),
      llb: graphCapabilities.map(enabled),
      workers: [await workerOf(parts.system)],
    })),
    [`${service}/Solve`]: unary(messages.SolveRequest, messages.SolveResponse, (request, call) =>
      solve(parts, request, call),
    ),
    [`${service}/Return`]: unary(messages.ReturnRequest, Nothing, async (request, call) => {
      await solves.finish(refOf(call), outcomeOf(request), call.signal);
      return {};
    }),
    [`${service}/Evaluate`]: unary(messages.EvaluateRequest, Nothing, async ({ ref }, call) => {
      try {
        await solves.evaluate(refOf(call), ref, call.signal);
        return {};
      } catch (error) {
        throw solveFailure(error);
      }
    }),
    [`${service}/ResolveImageConfig`]: unary(
      messages.ResolveImageConfigRequest,
      messages.ResolveImageConfigResponse,
      async ({ ref }, { signal }) => {
        const image = images.find(ref) ?? (await images.pull(ref, { onProgress: () => undefined, signal }));
        const { digest } = await images.descriptor(image.id);
        return { ref, digest, config: Buffer.from(JSON.stringify(image.config)) };
      },
    ),
    [`${service}/Inputs`]: unary(Nothing, Nothing, () => Promise.resolve({})),
    [`${service}/Warn`]: unary(VertexWarning, Nothing, async (warning, call) => {
      await solves.tell(refOf(call), warningOf(warning), call.signal);
      return {};
    }),
    ...refused,
  };
}

/** Reading files of a result and running commands in it is not offered. */
const refusedMethods = [
  ...['NewContainer', 'ReleaseContainer', 'ExecProcess', 'ResolveSourceMeta'],
  ...['ReadFile', 'ReadDir', 'StatFile', 'ReadFileContainer', 'ReadDirContainer', 'StatFileContainer'],
];
const refused: Methods = Object.fromEntries(
  refusedMethods.map((name) => [`${service}/${name}`, refusing(name)]),
);

function refusing(name: string): Method {
  return async function* () {
    yield* [];
    throw await Promise.resolve(
      new GrpcError(grpcCodes.unimplemented, `${name} of BuildKit's gateway is not offered by this engine`),
    );
  };
}

async function solve(
  { solves }: BuildkitParts,
  request: ValueOf<typeof messages.SolveRequest>,
  call: Call,
): Promise<Partial<ValueOf<typeof messages.SolveResponse>>> {
  if (request.definition.length > 0 && request.frontend === '') throw withoutLlb();
  refuseInputs(request.inputs);
  const { frontend, attributes, cacheImports } = request;
  try {
    const ref = refOf(call);
    const asked = { frontend, attributes, cacheFrom: cacheImports };
    const { id, metadata } = await solves.ask(ref, asked, call.signal);
    if (request.evaluate && id !== '') await solves.evaluate(ref, id, call.signal);
    const bytes = Object.entries(metadata).map(([name, text]) => [name, Buffer.from(text)] as const);
    return {
      result: {
        refDeprecated: '',
        refsDeprecated: undefined,
        ref: { id },
        metadata: Object.fromEntries(bytes),
      },
    };
  } catch (error) {
    throw solveFailure(error);
  }
}

function outcomeOf({ result, error }: ValueOf<typeof messages.ReturnRequest>): FrontendOutcome {
  if (error !== undefined && error.code !== 0) return { error: new GrpcError(error.code, error.message) };
  const refs = Object.values(result?.refsDeprecated?.refs ?? {});
  return { result: result?.ref?.id ?? refs[0] ?? result?.refDeprecated ?? '' };
}

/** The solve that a call of the gateway is about. */
function refOf({ metadata }: Call): SolveRequest['ref'] {
  const ref = metadata['buildkit-controlapi-buildid'];
  if (typeof ref === 'string' && ref !== '') return ref;
  throw new GrpcError(grpcCodes.invalidArgument, 'no buildid found in context');
}

function enabled(id: string): { id: string; enabled: boolean } {
  return { id, enabled: true };
}
