import { Type, type TSchema, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { invalid } from '#base/errors.ts';
import type { ContainerConfig } from '#domain/container/config.ts';
import type { Digest } from '#domain/image/digest.ts';
import {
  mediaTypes,
  type ImageConfig,
  type Index,
  type Manifest,
  type Platform,
} from '#domain/image/manifest.ts';

// Manifests, indexes and configs as they come from registries and archives: everything that is used later
// is checked here, once. Unknown fields stay.

const digest = Type.Unsafe<Digest>(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }));
const texts = Type.Union([Type.Null(), Type.Array(Type.String())]);
const text = Type.Optional(Type.String());
const platform = Type.Unsafe<Platform>(
  Type.Object({ architecture: Type.String(), os: Type.String(), variant: text }),
);

const descriptor = Type.Object({
  mediaType: Type.String(),
  digest,
  size: Type.Integer({ minimum: 0 }),
  urls: Type.Optional(Type.Array(Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  platform: Type.Optional(platform),
  artifactType: text,
});

const manifest = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: text,
  artifactType: text,
  config: descriptor,
  layers: Type.Array(descriptor),
  subject: Type.Optional(descriptor),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});

const index = Type.Object({
  schemaVersion: Type.Literal(2),
  mediaType: text,
  manifests: Type.Array(descriptor),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});

const names = Type.Union([Type.Null(), Type.Record(Type.String(), Type.Object({}))]);

const containerConfig = Type.Unsafe<ContainerConfig>(
  Type.Object({
    User: text,
    WorkingDir: text,
    StopSignal: text,
    Env: Type.Optional(texts),
    Cmd: Type.Optional(texts),
    Entrypoint: Type.Optional(texts),
    OnBuild: Type.Optional(texts),
    Shell: Type.Optional(texts),
    ExposedPorts: Type.Optional(names),
    Volumes: Type.Optional(names),
    Labels: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.String())])),
    Healthcheck: Type.Optional(Type.Object({ Test: Type.Optional(Type.Array(Type.String())) })),
  }),
);

const imageConfig = Type.Object({
  created: text,
  author: text,
  architecture: Type.String(),
  variant: text,
  os: Type.String(),
  config: Type.Optional(Type.Union([Type.Null(), containerConfig])),
  rootfs: Type.Object({
    type: Type.Literal('layers'),
    diff_ids: Type.Optional(Type.Union([Type.Null(), Type.Array(digest)])),
  }),
  history: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Array(
        Type.Object({
          created: text,
          created_by: text,
          author: text,
          comment: text,
          empty_layer: Type.Optional(Type.Boolean()),
        }),
      ),
    ]),
  ),
  docker_version: text,
});

const parse: (content: string) => unknown = JSON.parse;

/**
 * `what` names the document in the message.
 * @throws invalid `image-document-invalid`
 */
function check<T extends TSchema>(schema: T, what: string, content: string): Static<T> {
  const value = parsed(what, content);
  if (Value.Check(schema, value)) return value;
  const first = Value.Errors(schema, value)[0];
  const where = first === undefined || first.instancePath === '' ? 'it' : `'${first.instancePath.slice(1)}'`;
  throw malformed(what, `${where} ${first?.message ?? 'is not as required'}`);
}

function parsed(what: string, content: string): unknown {
  try {
    return parse(content);
  } catch {
    throw malformed(what, 'it is not JSON');
  }
}

function malformed(what: string, why: string): Error {
  return invalid('image-document-invalid', `reading ${what}: ${why}`);
}

/** @throws invalid `image-document-invalid` */
export function parseManifest(content: string, what = 'an image manifest'): Manifest {
  return check(manifest, what, content);
}

/** @throws invalid `image-document-invalid` */
export function parseIndex(content: string, what = 'an image index'): Index {
  return check(index, what, content);
}

/** @throws invalid `image-document-invalid` */
export function parseImageConfig(content: string, what = 'an image config'): ImageConfig {
  const { config, history, rootfs, ...rest } = check(imageConfig, what, content);
  const image: ImageConfig = { ...rest, rootfs: { type: 'layers', diff_ids: rootfs.diff_ids ?? [] } };
  if (config !== undefined && config !== null) image.config = config;
  if (history !== undefined && history !== null) image.history = history;
  return image;
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex;
}

/** An index has manifests, a manifest has layers; for archives that do not say which it is. */
export function looksLikeIndex(content: string): boolean {
  const value = parsed('an image manifest', content);
  return typeof value === 'object' && value !== null && 'manifests' in value;
}

const archiveEntry = Type.Object({
  Config: Type.String(),
  RepoTags: Type.Optional(texts),
  Layers: Type.Optional(texts),
});

/** An entry of the `manifest.json` of `docker save`. */
export interface ArchiveEntry {
  Config: string;
  RepoTags: string[];
  Layers: string[];
}

/** @throws invalid `image-document-invalid` */
export function parseArchiveManifest(content: string): ArchiveEntry[] {
  return check(Type.Array(archiveEntry), 'manifest.json', content).map(({ Config, RepoTags, Layers }) => ({
    Config,
    RepoTags: RepoTags ?? [],
    Layers: Layers ?? [],
  }));
}
