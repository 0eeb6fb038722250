import type { FrontendOutcome } from '#engine/contracts.ts';
import { unary, type Call, type Method, type Methods } from '#base/grpc/server.ts';
import { unsupported } from '#base/errors.ts';
import { GrpcError, grpcCodes } from '#base/grpc/status.ts';
import type { ValueOf } from '#base/grpc/message.ts';
import { definitionOf, inputOf, inputsOf } from '#api/buildkit/definition.ts';
import { solveFailure } from '#api/buildkit/failure.ts';
import { refOf } from '#api/buildkit/gateway-call.ts';
import { gatewayFiles } from '#api/buildkit/gateway-files.ts';
import * as messages from '#api/buildkit/gateway-messages.ts';
import { gatewaySources } from '#api/buildkit/gateway-sources.ts';
import { Nothing, VertexWarning } from '#api/buildkit/messages.ts';
import type { BuildkitParts } from '#api/buildkit/parts.ts';
import { warningOf } from '#api/buildkit/status-messages.ts';
import { workerOf } from '#api/buildkit/worker.ts';

const service = '/moby.buildkit.v1.frontend.LLBBridge';

// What clients may ask of a frontend's gateway, and of graphs and exporters; those for graphs are what a Dockerfile does.
const gatewayCapabilities = [
  ...[
    'solve.base',
    'solve.inlinereturn',
    'resolveimage',
    'resolveimage.resolvemode',
    'return',
    'readfile',
    'readdir',
    'statfile',
  ],
  ...['returnmap', 'importcaches', 'proto.refarray', 'reference.output'],
  ...[
    'gateway.solve.metadata',
    'frontend.caps',
    'frontend.inputs',
    'gateway.solve.evaluate',
    'gateway.evaluate',
  ],
  ...['gateway.warnings', 'source.metaresolver'],
];
const graphCapabilities = [
  ...['source.git', 'source.git.fullurl', 'source.git.httpauth', 'source.git.keepgitdir'],
  ...['source.git.mountsshsock', 'source.git.knownsshhosts', 'file.base', 'meta.description'],
  ...['source.image', 'source.local', 'source.http', 'platform', 'constraints', 'exporter.multiple'],
  ...[
    'exporter.sourcedateepoch',
    'exporter.image.attestations',
    'exec.meta.ulimit',
    'exec.meta.cgroup.parent',
    'gc.freespacefilter',
  ],
];

/** The service that a client uses that steers its build itself, as buildx does. */
export function gatewayService(parts: BuildkitParts): Methods {
  const { solves } = parts;
  return {
    [`${service}/Ping`]: unary(Nothing, messages.PongResponse, async () => ({
      frontend: gatewayCapabilities.map(enabled),
      llb: graphCapabilities.map(enabled),
      workers: [await workerOf(parts)],
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
    [`${service}/Inputs`]: unary(Nothing, messages.InputsResponse, async (_, call) => {
      const inputs = Object.entries(await solves.inputs(refOf(call), call.signal));
      return { definitions: Object.fromEntries(inputs.map(([name, each]) => [name, definitionOf(each)])) };
    }),
    [`${service}/Warn`]: unary(VertexWarning, Nothing, async (warning, call) => {
      await solves.tell(refOf(call), warningOf(warning), call.signal);
      return {};
    }),
    ...gatewayFiles(parts, service),
    ...gatewaySources(parts, service),
    ...refused,
  };
}

/** Running commands in a result is not offered. */
const refusedMethods = [
  ...['NewContainer', 'ReleaseContainer', 'ExecProcess'],
  ...['ReadFileContainer', 'ReadDirContainer', 'StatFileContainer'],
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
  const { frontend, attributes, cacheImports, definition } = request;
  try {
    const ref = refOf(call);
    const asked = { frontend, attributes, cacheFrom: cacheImports, inputs: inputsOf(request.inputs) };
    const isSource = frontend === '' && definition !== undefined && definition.def.length > 0;
    const { id, metadata } = isSource
      ? await solves.source(ref, inputOf(definition), call.signal)
      : await solves.ask(ref, asked, call.signal);
    if (request.evaluate && id !== '') await solves.evaluate(ref, id, call.signal);
    const bytes = Object.entries(metadata).map(([name, text]) => [name, Buffer.from(text)] as const);
    return {
      result: {
        ...{ refDeprecated: '', refsDeprecated: undefined, refs: undefined },
        ref: { id, definition: id === '' ? undefined : definitionOf({ solve: ref, result: id }) },
        metadata: Object.fromEntries(bytes),
      },
    };
  } catch (error) {
    throw solveFailure(error);
  }
}

function outcomeOf({ result, error }: ValueOf<typeof messages.ReturnRequest>): FrontendOutcome {
  if (error !== undefined && error.code !== 0) return { error: new GrpcError(error.code, error.message) };
  const [id = '', ...more] = new Set(result === undefined ? [] : idsOf(result));
  if (more.length > 0)
    return { error: unsupported('results-unsupported', 'returning several results at once is not offered') };
  return { result: id };
}

/** In the ways of all versions of the protocol. */
function idsOf(result: ValueOf<typeof messages.Result>): string[] {
  const { ref, refs, refDeprecated, refsDeprecated } = result;
  const several = Object.values(refs?.refs ?? {}).map((each) => each?.id ?? '');
  const ids = [ref?.id ?? '', refDeprecated, ...several, ...Object.values(refsDeprecated?.refs ?? {})];
  return ids.filter((id) => id !== '');
}

function enabled(id: string): { id: string; enabled: boolean } {
  return { id, enabled: true };
}
