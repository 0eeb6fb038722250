import { createHash } from 'node:crypto';
import type { FrontendInput, FrontendInputs } from '#engine/contracts.ts';
import { flag, integer, message, part, parts, text, type ValueOf } from '#base/grpc/message.ts';
import { unsupported } from '#base/errors.ts';
import { Nothing, SourceOp, type Definition } from '#api/buildkit/messages.ts';

// LLB (moby/buildkit solver/pb/ops.proto), of which this engine knows one graph: a source alone. A result is told to clients as
// a source of a type of our own, which they hand back as an input of another build.

const Input = message({ digest: text(1), index: integer(2) });
const CopyAction = message({ source: text(1), target: text(2), contents: flag(6), unpack: flag(7) });
const FileAction = message({ copy: part(4, CopyAction) });
const FileOp = message({ actions: parts(2, FileAction) });
const Op = message({ inputs: parts(1, Input), source: part(3, SourceOp), file: part(4, FileOp) });

/** Of results, and of repositories and archives, which other types do not tell from each other. */
const schemes = { result: 'berth-result', tree: 'berth-tree' } as const;

type Graph = ValueOf<typeof Definition>;

/** By their names, as the messages have them. */
type Graphs = Readonly<Record<string, Graph | undefined>>;

/** @throws unsupported `llb-unsupported` for anything but a source */
export function inputsOf(graphs: Graphs): FrontendInputs {
  return Object.fromEntries(Object.entries(graphs).map(([name, each]) => [name, inputOf(each)]));
}

/** @throws unsupported `llb-unsupported` */
export function inputOf(graph: Graph | undefined): FrontendInput {
  const { def = [] } = graph ?? {};
  const vertices = new Map(def.map((each) => [digestOf(each), Op.decode(each)]));
  const last = def.at(-1);
  // The last vertex only names the one whose output is meant.
  const wanted = last === undefined ? undefined : before(vertices, Op.decode(last));
  const input = wanted === undefined ? undefined : vertexInput(vertices, wanted);
  if (input === undefined) throw withoutLlb();
  return input;
}

type Vertex = ValueOf<typeof Op>;

function before(vertices: ReadonlyMap<string, Vertex>, { inputs: [first] }: Vertex): Vertex | undefined {
  return vertices.get(first?.digest ?? '');
}

function vertexInput(vertices: ReadonlyMap<string, Vertex>, vertex: Vertex): FrontendInput | undefined {
  if (vertex.source !== undefined) return sourceOf(vertex.source);
  const copied = before(vertices, vertex)?.source;
  const [action, ...more] = vertex.file?.actions ?? [];
  const copy = action?.copy;
  const isOne = vertex.inputs.length === 1 && more.length === 0;
  const from = copied === undefined || !isOne ? undefined : sourceOf(copied);
  if (copy?.target !== '/' || from === undefined || !('remote' in from)) return undefined;
  return from.filename === undefined ? folderOf(from, copy) : archiveOf(from, copy);
}

type Copy = ValueOf<typeof CopyAction>;

/** As `buildx bake URL` has a context that is a folder of its repository. */
function folderOf({ remote }: { remote: string }, { source, contents }: Copy): FrontendInput | undefined {
  if (!contents) return undefined;
  const [repository = '', fragment = ''] = remote.split('#');
  const [ref = '', folder = ''] = fragment.split(':');
  const path = `${folder}/${source}`.split('/').filter((part) => part !== '' && part !== '.');
  if (path.includes('..')) return undefined;
  return { remote: `${repository}#${ref}:${path.join('/')}` };
}

/** And an archive that it has unpacked. */
function archiveOf(
  { remote, filename }: { remote: string; filename?: string },
  { source, unpack }: Copy,
): FrontendInput | undefined {
  return unpack && source.replace(/^\//, '') === filename ? { remote } : undefined;
}

function sourceOf({ identifier, attributes }: ValueOf<typeof SourceOp>): FrontendInput | undefined {
  const [, scheme = '', rest = ''] = /^([a-z-]+):\/\/(.*)$/s.exec(identifier) ?? [];
  switch (scheme) {
    case schemes.tree:
      return { remote: rest };
    case schemes.result: {
      const [solve = '', result = ''] = rest.split('/');
      return { solve, result };
    }
    case 'docker-image':
      return { image: rest };
    case 'local':
      return { local: rest };
    case 'http':
    case 'https':
      return { remote: identifier, filename: attributes['http.filename'] ?? nameAt(identifier) };
    case 'git':
      return { remote: repositoryAt(rest, attributes) };
    default:
      return undefined;
  }
}

/** `HOST/PATH#REF:FOLDER` of a source of Git; its whole URL is an attribute. */
function repositoryAt(place: string, attributes: Readonly<Record<string, string>>): string {
  const [, name = '', fragment = ''] = /^([^#]*)(#.*)?$/s.exec(place) ?? [];
  const { 'git.fullurl': url = `https://${name}` } = attributes;
  return `${url}${fragment}`;
}

/** The last part of a URL's path. */
function nameAt(url: string): string {
  const path = URL.parse(url)?.pathname ?? '';
  return path.slice(path.lastIndexOf('/') + 1) || 'download';
}

/** As clients take it for a graph, copy it and send it back. */
export function definitionOf(input: FrontendInput): Graph {
  const source = Op.encode({ source: sourceOp(input) });
  const digest = digestOf(source);
  return {
    def: [source, Op.encode({ inputs: [{ digest, index: 0 }] })],
    metadata: { [digest]: Nothing.of({}) },
  };
}

function sourceOp(input: FrontendInput): ValueOf<typeof SourceOp> {
  const named = (scheme: string, rest: string, attributes = {}) => ({
    identifier: `${scheme}://${rest}`,
    attributes,
  });
  if ('solve' in input) return named(schemes.result, `${input.solve}/${input.result}`);
  if ('image' in input) return named('docker-image', input.image);
  if ('local' in input) return named('local', input.local);
  const { remote, filename } = input;
  if (filename === undefined) return named(schemes.tree, remote);
  return { identifier: remote, attributes: { 'http.filename': filename } };
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
