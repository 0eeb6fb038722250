import { fingerprint } from '#base/ids.ts';
import { dockerPackageUrl } from '#domain/image/docker-purl.ts';
import { mediaTypes, type Descriptor, type Manifest } from '#domain/image/manifest.ts';
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

function subjectsOf(names: readonly string[], { digest, platform }: Descriptor): object[] {
  const { os = '', architecture = '', variant } = platform ?? {};
  const written = [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
  const sha256 = digest.slice('sha256:'.length);
  const urls = names.map((name) => dockerPackageUrl(name, written));
  return (urls.length === 0 ? ['_'] : urls).map((name) => ({ name, digest: { sha256 } }));
}

function documentOf(mediaType: string, document: object): Document {
  const text = JSON.stringify(document);
  const content = Buffer.from(text);
  return { descriptor: { mediaType, digest: `sha256:${fingerprint(text)}`, size: content.length }, content };
}

function annotated(document: Document, annotations: Record<string, string>): Document {
  return { ...document, descriptor: { ...document.descriptor, annotations } };
}
