import { createHash } from 'node:crypto';
import type { FrontendInput, FrontendInputs } from '#engine/contracts.ts';
import { integer, message, part, parts, text, type ValueOf } from '#base/grpc/message.ts';
import { unsupported } from '#base/errors.ts';
import { Nothing, SourceOp, type Definition } from '#api/buildkit/messages.ts';

// LLB (moby/buildkit solver/pb/ops.proto), of which this engine knows one graph: a source alone. A result is told to clients as
// a source of a type of our own, which they hand back as an input of another build.

const Input = message({ digest: text(1), index: integer(2) });
const Op = message({ inputs: parts(1, Input), source: part(3, SourceOp) });

const resultScheme = 'berth-result';

type Graph = ValueOf<typeof Definition>;

/** By their names, as the messages have them. */
type Graphs = Readonly<Record<string, Graph | undefined>>;

/** @throws unsupported `llb-unsupported` for anything but a source */
export function inputsOf(graphs: Graphs): FrontendInputs {
  return Object.fromEntries(Object.entries(graphs).map(([name, each]) => [name, inputOf(each)]));
}

/** @throws unsupported `llb-unsupported` */
function inputOf(graph: Graph | undefined): FrontendInput {
  const { def = [] } = graph ?? {};
  const last = def.at(-1);
  // The last vertex only names the one whose output is meant.
  const wanted = last === undefined ? undefined : Op.decode(last).inputs[0]?.digest;
  const found = def.find((each) => digestOf(each) === wanted);
  const source = found === undefined ? undefined : Op.decode(found).source;
  const input = source === undefined ? undefined : sourceOf(source);
  if (input === undefined) throw withoutLlb();
  return input;
}

function sourceOf({ identifier, attributes }: ValueOf<typeof SourceOp>): FrontendInput | undefined {
  const [, scheme = '', rest = ''] = /^([a-z-]+):\/\/(.*)$/s.exec(identifier) ?? [];
  switch (scheme) {
    case resultScheme: {
      const [solve = '', result = ''] = rest.split('/');
      return { solve, result };
    }
    case 'docker-image':
      return { image: rest };
    case 'local':
      return { local: rest };
    case 'http':
    case 'https':
      return { remote: identifier };
    case 'git': {
      const [, fragment = ''] = /(#.*)$/s.exec(rest) ?? [];
      const { 'git.fullurl': url = `https://${rest.replace(/#.*$/s, '')}` } = attributes;
      return { remote: `${url}${fragment}` };
    }
    default:
      return undefined;
  }
}

/** As clients take it for a graph, copy it and send it back. */
export function definitionOf(input: FrontendInput): Graph {
  const source = Op.encode({ source: SourceOp.of({ identifier: identifierOf(input) }) });
  const digest = digestOf(source);
  return {
    def: [source, Op.encode({ inputs: [{ digest, index: 0 }] })],
    metadata: { [digest]: Nothing.of({}) },
  };
}

function identifierOf(input: FrontendInput): string {
  if ('solve' in input) return `${resultScheme}://${input.solve}/${input.result}`;
  if ('image' in input) return `docker-image://${input.image}`;
  return 'local' in input ? `local://${input.local}` : input.remote;
}

function digestOf(op: Uint8Array): string {
  return `sha256:${createHash('sha256').update(op).digest('hex')}`;
}

/** @throws unsupported `llb-unsupported` where there is a graph to build */
export function refuseGraph(graph: Graph | undefined): void {
  if (graph !== undefined && graph.def.length > 0) throw withoutLlb();
}

function withoutLlb(): Error {
  return unsupported(
    'llb-unsupported',
    'building a graph of the client (LLB) is not offered: this engine builds Dockerfiles',
  );
}
