import { Type, type Static } from 'typebox';
import { parseAnnotation } from '#domain/build/annotations.ts';
import { parseProvenance, parseSbom } from '#domain/build/attestation-options.ts';
import type {
  BuildContextSource,
  BuildOutput,
  BuildRequest,
  CacheSource,
  CacheTarget,
  NamedContext,
  Uploads,
} from '#engine/contracts.ts';
import { closed } from './project-body.ts';

const Folder = Type.String({ pattern: '^/' });
const InFolder = Type.Object({ folder: Folder }, closed);
const Remote = Type.Object({ remote: Type.String({ minLength: 1 }) }, closed);
const InImage = Type.Object({ image: Type.String({ minLength: 1 }) }, closed);
const Uploaded = Type.Object({ upload: Type.String({ minLength: 1 }) }, closed);
const Empty = Type.Object({ empty: Type.Literal(true) }, closed);
const Texts = Type.Record(Type.String(), Type.String());
const List = Type.Array(Type.String());
const Mode = Type.Optional(Type.Union([Type.Literal('min'), Type.Literal('max')]));
const Reference = Type.String({ minLength: 1 });
const Id = Type.Optional(Type.Integer({ minimum: 0 }));

const Output = Type.Union([
  Type.Object({ type: Type.Literal('image'), names: List, push: Type.Optional(Type.Boolean()) }, closed),
  Type.Object({ type: Type.Union([Type.Literal('oci'), Type.Literal('docker')]), names: List }, closed),
  Type.Object({ type: Type.Literal('tar') }, closed),
  Type.Object({ type: Type.Literal('local'), folder: Folder, uid: Id, gid: Id }, closed),
]);
const Source = Type.Union([
  Type.Object({ type: Type.Literal('registry'), reference: Reference }, closed),
  Type.Object({ type: Type.Literal('local'), folder: Folder }, closed),
]);
const Target = Type.Union([
  Type.Object({ type: Type.Literal('inline') }, closed),
  Type.Object({ type: Type.Literal('registry'), reference: Reference, mode: Mode }, closed),
  Type.Object({ type: Type.Literal('local'), folder: Folder, mode: Mode }, closed),
]);
const Registry = Type.Object(
  {
    username: Type.Optional(Type.String()),
    password: Type.Optional(Type.String()),
    identityToken: Type.Optional(Type.String()),
    registryToken: Type.Optional(Type.String()),
  },
  { additionalProperties: true },
);

export const BuildBody = Type.Object(
  {
    context: Type.Union([InFolder, Remote, Uploaded, Empty]),
    dockerfile: Type.Optional(Type.String({ minLength: 1 })),
    dockerfileText: Type.Optional(Type.String()),
    contexts: Type.Optional(Type.Record(Type.String(), Type.Union([InFolder, Remote, InImage]))),
    tags: Type.Optional(List),
    buildArgs: Type.Optional(Texts),
    labels: Type.Optional(Texts),
    target: Type.Optional(Type.String()),
    platform: Type.Optional(Type.String()),
    platforms: Type.Optional(List),
    noCache: Type.Optional(Type.Boolean()),
    noCacheFor: Type.Optional(List),
    pull: Type.Optional(Type.Boolean()),
    network: Type.Optional(Type.String()),
    extraHosts: Type.Optional(List),
    allow: Type.Optional(
      Type.Array(Type.Union([Type.Literal('network.host'), Type.Literal('security.insecure')])),
    ),
    secrets: Type.Optional(Texts),
    ssh: Type.Optional(Type.Record(Type.String(), Type.Array(Folder, { minItems: 1 }))),
    outputs: Type.Optional(Type.Array(Output)),
    cacheFrom: Type.Optional(Type.Array(Source)),
    cacheTo: Type.Optional(Type.Array(Target)),
    /** In the words of `--annotation`. */
    annotations: Type.Optional(List),
    /** In the words of `--provenance` and `--sbom`. */
    attest: Type.Optional(
      Type.Object({ provenance: Type.Optional(Type.String()), sbom: Type.Optional(Type.String()) }, closed),
    ),
    sourceDateEpoch: Type.Optional(Type.Integer({ minimum: 0 })),
    registries: Type.Optional(Type.Record(Type.String(), Registry)),
    mode: Type.Optional(Type.Union([Type.Literal('build'), Type.Literal('verify'), Type.Literal('check')])),
  },
  closed,
);

export type BuildAsked = Static<typeof BuildBody>;

/** Takes a piece of what the output of this place in the list gives. */
export type SendPiece = (index: number, piece: Uint8Array) => Promise<void>;

type Answered = Pick<BuildRequest, 'onProgress' | 'onVertex' | 'signal'>;

/** Where the files of the main context are. @throws not-found `upload-missing` */
async function contextOf(
  { context }: BuildAsked,
  uploads: Uploads,
  signal: AbortSignal,
): Promise<BuildContextSource> {
  if ('empty' in context) return { fill: () => Promise.resolve() };
  return 'upload' in context ? { tar: await uploads.take(context.upload, signal) } : context;
}

/** The build that a body asks for. @throws not-found `upload-missing` */
export async function buildRequest(
  body: BuildAsked,
  send: SendPiece,
  answered: Answered,
  uploads: Uploads,
): Promise<BuildRequest> {
  const { contexts, outputs = [], cacheFrom = [], cacheTo = [], annotations = [] } = body;
  const named: Record<string, NamedContext> = { ...contexts };
  return {
    ...answered,
    ...settingsOf(body),
    ...sharedBy(body),
    ...attestOf(body),
    context: await contextOf(body, uploads, answered.signal),
    tags: body.tags ?? [],
    buildArgs: body.buildArgs ?? {},
    labels: body.labels ?? {},
    allow: body.allow ?? [],
    // None is not the same as an empty list: a build that was given some cannot be repeated.
    ...(Object.keys(named).length > 0 && { contexts: named }),
    outputs: outputs.map((output, index) => outputOf(output, index, send)),
    cacheFrom: cacheFrom.map(sourceOf),
    cacheTo: cacheTo.map(targetOf),
    annotations: annotations.flatMap(parseAnnotation),
    ...(body.platforms !== undefined && { platforms: body.platforms }),
  };
}

function settingsOf(body: BuildAsked): Partial<BuildRequest> {
  const { dockerfile, dockerfileText, target, platform, noCache, noCacheFor, pull, sourceDateEpoch } = body;
  return {
    ...(dockerfile !== undefined && { dockerfile }),
    ...(dockerfileText !== undefined && { dockerfileText }),
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
    ...(noCache !== undefined && { noCache }),
    ...(noCacheFor !== undefined && { noCacheFor }),
    ...(pull !== undefined && { pull }),
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
  };
}

function attestOf({ attest = {} }: BuildAsked): Pick<BuildRequest, 'attest'> {
  const provenance = attest.provenance === undefined ? undefined : parseProvenance(attest.provenance);
  const sbom = attest.sbom !== undefined && parseSbom(attest.sbom);
  if (provenance === undefined && !sbom) return {};
  return { attest: { ...(provenance !== undefined && { provenance }), ...(sbom && { sbom }) } };
}

/** What the steps are given from outside. */
function sharedBy({ network, extraHosts, registries, ssh, secrets = {} }: BuildAsked): Partial<BuildRequest> {
  const hasSecrets = Object.keys(secrets).length > 0;
  return {
    ...(network !== undefined && { networkMode: network }),
    ...(extraHosts !== undefined && { extraHosts }),
    ...(registries !== undefined && { auths: registries }),
    ...(ssh !== undefined && { sshSources: ssh }),
    ...(hasSecrets && { secrets: (id) => Promise.resolve(secretOf(secrets, id)) }),
  };
}

function secretOf(secrets: Record<string, string>, id: string): Buffer | undefined {
  const text = Object.hasOwn(secrets, id) ? secrets[id] : undefined;
  return text === undefined ? undefined : Buffer.from(text, 'base64');
}

function outputOf(output: Static<typeof Output>, index: number, send: SendPiece): BuildOutput {
  const write = async (archive: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of archive) await send(index, piece);
  };
  switch (output.type) {
    case 'image':
      return { kind: 'image', names: output.names, push: output.push ?? false };
    case 'oci':
    case 'docker':
      return { kind: output.type, names: output.names, write };
    case 'tar':
      return { kind: 'tar', write };
    case 'local': {
      const { folder, uid, gid } = output;
      const owner = uid === undefined ? {} : { owner: { uid, gid: gid ?? uid } };
      return { kind: 'folder', folder, ...owner };
    }
  }
}

function sourceOf(source: Static<typeof Source>): CacheSource {
  if (source.type === 'registry') return { kind: 'registry', reference: source.reference };
  return { kind: 'folder', folder: source.folder };
}

function targetOf(target: Static<typeof Target>): CacheTarget {
  if (target.type === 'inline') return { kind: 'inline' };
  const { mode = 'min' } = target;
  if (target.type === 'registry') return { kind: 'registry', reference: target.reference, mode };
  return { kind: 'folder', folder: target.folder, mode };
}
