import { fingerprint } from '#base/ids.ts';
import { dockerPackageUrl } from '#domain/image/docker-purl.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
import { parseDigest } from '#domain/image/digest.ts';
import type { Predicate } from '#engine/contracts.ts';

/** A blob or manifest that is not in the store. */
export interface Document {
  descriptor: Descriptor;
  content: Buffer;
}

/** How BuildKit attaches statements to an image of an index (docs/attestations/attestation-storage.md). */
export interface AttestationManifest {
  /** Configuration and layers. */
  blobs: Document[];
  manifest: Document;
}

const statementType = 'application/vnd.in-toto+json';
const unknown = { architecture: 'unknown', os: 'unknown' } as const;

/** @param names of the image, that the statements are about @param image its entry in the index */
export function attestationManifest(
  names: readonly string[],
  image: Descriptor,
  predicates: readonly Predicate[],
): AttestationManifest {
  const subjects = subjectsOf(names, image);
  const layers = predicates.map(({ type, content }) => {
    const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: type, subject: subjects };
    const layer = documentOf(statementType, { ...statement, predicate: content });
    return annotated(layer, { 'in-toto.io/predicate-type': type });
  });
  const diffIds = layers.map(({ descriptor }) => descriptor.digest);
  const config = documentOf(mediaTypes.ociConfig, {
    ...{ ...unknown, config: {} },
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const written = annotated(documentOf(mediaTypes.ociManifest, manifest), {
    'vnd.docker.reference.digest': image.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  });
  return {
    blobs: [config, ...layers],
    manifest: { ...written, descriptor: { ...written.descriptor, platform: unknown } },
  };
}

type Statement = Record<string, unknown> & { subject?: { digest?: Record<string, string> }[] };
type Config = Record<string, unknown> & { rootfs?: { diff_ids?: string[] } };

/** The same statements of the same image under another manifest. @param texts of config and layers, by their digests */
export function restated(
  manifest: Manifest,
  texts: ReadonlyMap<string, string>,
  { from, to }: { from: string; to: Descriptor },
): AttestationManifest {
  const parseStatement: (text: string) => Statement = JSON.parse;
  const parseConfig: (text: string) => Config = JSON.parse;
  const [before, after] = [from, to.digest].map((digest) => digest.slice('sha256:'.length));
  const layers = manifest.layers.map((layer) => {
    const statement = parseStatement(texts.get(layer.digest) ?? '{}');
    const subject = statement.subject?.map((each) =>
      each.digest?.['sha256'] === before ? { ...each, digest: { ...each.digest, sha256: after } } : each,
    );
    const document = documentOf(layer.mediaType, { ...statement, ...(subject !== undefined && { subject }) });
    return { ...document, descriptor: { ...layer, ...document.descriptor } };
  });
  const config = parseConfig(texts.get(manifest.config.digest) ?? '{}');
  const places = new Map(manifest.layers.map((layer, place) => [layer.digest, layers[place]]));
  const diffIds = config.rootfs?.diff_ids?.map((id) => places.get(parseDigest(id))?.descriptor.digest ?? id);
  const written = documentOf(manifest.config.mediaType, {
    ...config,
    ...(diffIds !== undefined && { rootfs: { ...config.rootfs, diff_ids: diffIds } }),
  });
  const document = documentOf(manifest.mediaType ?? mediaTypes.ociManifest, {
    ...manifest,
    config: { ...manifest.config, ...written.descriptor },
    layers: layers.map(({ descriptor }) => descriptor),
    ...(manifest.subject?.digest === from && {
      subject: { ...manifest.subject, digest: to.digest, size: to.size },
    }),
  });
  return { blobs: [written, ...layers], manifest: document };
}

function subjectsOf(names: readonly string[], { digest, platform }: Descriptor): object[] {
  const { os = '', architecture = '', variant } = platform ?? {};
  const written = [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
  const sha256 = digest.slice('sha256:'.length);
  const urls = names.map((name) => dockerPackageUrl(name, written));
  return (urls.length === 0 ? ['_'] : urls).map((name) => ({ name, digest: { sha256 } }));
}

/** Compact JSON, in the order of its keys. */
export function documentOf(mediaType: string, document: object): Document {
  const text = JSON.stringify(document);
  const content = Buffer.from(text);
  return { descriptor: { mediaType, digest: `sha256:${fingerprint(text)}`, size: content.length }, content };
}

function annotated(document: Document, annotations: Record<string, string>): Document {
  return { ...document, descriptor: { ...document.descriptor, annotations } };
}
