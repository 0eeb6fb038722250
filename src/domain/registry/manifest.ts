import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { invalid } from '#base/errors.ts';
import { isContentDigest, type ContentDigest } from './names.ts';
import { mediaTypes } from '#domain/image/manifest.ts';

/** Bytes: the specification asks registries to take at least this much, and ours takes no more. */
export const manifestLimit = 4 * 1024 * 1024;

/** What a manifest says of itself, and what it needs in its repository. */
export interface ManifestFacts {
  mediaType: string;
  kind: 'image' | 'index';
  /** What referrers are listed with: the artifact type, or else the config's media type. */
  artifactType?: string;
  annotations?: Record<string, string>;
  /** The manifest that this one says something about; it need not be there. */
  subject?: ContentDigest;
  /** Of an image: the digest of its config, which for a container image is its id. */
  config?: ContentDigest;
  /** Blobs that must be in the repository. */
  blobs: ContentDigest[];
  /** Manifests that must be in the repository. */
  manifests: ContentDigest[];
}

/** A manifest that has another one as its subject, as the referrers API lists it. */
export interface Referrer {
  mediaType: string;
  digest: ContentDigest;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** The answer of the referrers API: an image index. */
export interface Referrers {
  schemaVersion: 2;
  mediaType: typeof mediaTypes.ociIndex;
  manifests: Referrer[];
}

const text = Type.String();
const descriptor = Type.Object({
  mediaType: Type.Optional(text),
  digest: text,
  size: Type.Integer({ minimum: 0 }),
  urls: Type.Optional(Type.Union([Type.Null(), Type.Array(text)])),
});
const document = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: Type.Optional(text),
  artifactType: Type.Optional(text),
  annotations: Type.Optional(Type.Union([Type.Null(), Type.Record(text, text)])),
  subject: Type.Optional(Type.Union([Type.Null(), descriptor])),
  config: Type.Optional(descriptor),
  layers: Type.Optional(Type.Union([Type.Null(), Type.Array(descriptor)])),
  manifests: Type.Optional(Type.Union([Type.Null(), Type.Array(descriptor)])),
});
const isDocument = (value: unknown): value is Type.Static<typeof document> => Value.Check(document, value);

const indexTypes: readonly string[] = [mediaTypes.ociIndex, mediaTypes.dockerIndex];
const imageTypes: readonly string[] = [mediaTypes.ociManifest, mediaTypes.dockerManifest];
const readJson: (text: string) => unknown = JSON.parse;

/**
 * Reads a manifest as it is pushed.
 * @param contentType of the request; '' when it has none
 * @throws invalid `registry-manifest-invalid`
 */
export function readManifest(content: string, contentType: string): ManifestFacts {
  const value = parsed(content);
  if (!isDocument(value)) {
    const [problem] = Value.Errors(document, value);
    throw wrong(`${problem?.instancePath || 'the document'} ${problem?.message ?? 'has another shape'}`);
  }
  const said = contentType.split(';')[0]?.trim() ?? '';
  const mediaType = value.mediaType ?? said;
  if (said !== '' && said !== 'application/json' && said !== mediaType)
    throw wrong(`it says mediaType '${mediaType}', the request Content-Type '${said}'`);
  if (indexTypes.includes(mediaType)) return indexFacts(value, mediaType);
  if (imageTypes.includes(mediaType)) return imageFacts(value, mediaType);
  throw wrong(`its media type '${mediaType}' is none of ${[...imageTypes, ...indexTypes].join(', ')}`);
}

type Document = Type.Static<typeof document>;

function indexFacts(value: Document, mediaType: string): ManifestFacts {
  if (value.layers !== undefined) throw wrong('an index has no layers');
  const manifests = (value.manifests ?? []).map(({ digest }) => digestOf(digest));
  return { ...shared(value, mediaType), kind: 'index', blobs: [], manifests };
}

function imageFacts(value: Document, mediaType: string): ManifestFacts {
  if (value.config === undefined) throw wrong('an image manifest needs a config');
  if (value.manifests !== undefined) throw wrong('an image manifest has no manifests');
  const config = digestOf(value.config.digest);
  const layers = (value.layers ?? [])
    .filter((layer) => !isElsewhere(layer))
    .map(({ digest }) => digestOf(digest));
  const artifactType = value.artifactType ?? value.config.mediaType;
  return {
    ...shared(value, mediaType),
    kind: 'image',
    config,
    blobs: [...new Set([config, ...layers])],
    manifests: [],
    ...(artifactType !== undefined && { artifactType }),
  };
}

function shared(
  value: Document,
  mediaType: string,
): Pick<ManifestFacts, 'mediaType'> & Partial<ManifestFacts> {
  return {
    mediaType,
    ...(value.artifactType !== undefined && { artifactType: value.artifactType }),
    ...(value.annotations && { annotations: value.annotations }),
    ...(value.subject && { subject: digestOf(value.subject.digest) }),
  };
}

/** Layers that may not be distributed (image specification, layer.md) stay where their URLs say. */
function isElsewhere({ mediaType = '', urls }: { mediaType?: string; urls?: string[] | null }): boolean {
  return /nondistributable|foreign/.test(mediaType) || (urls?.length ?? 0) > 0;
}

function digestOf(digest: string): ContentDigest {
  if (isContentDigest(digest)) return digest;
  throw wrong(`the descriptor '${digest.slice(0, 160)}' has no sha256 or sha512 digest`);
}

function parsed(content: string): unknown {
  try {
    return readJson(content);
  } catch {
    throw wrong('it is not JSON');
  }
}

function wrong(problem: string): Error {
  return invalid('registry-manifest-invalid', `the manifest is not taken: ${problem}`);
}
