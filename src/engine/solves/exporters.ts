import { annotationAttribute, type Annotation } from '#domain/build/annotations.ts';
import type { BuildOutput, Choice, OutputCompression, WriteTar } from '#engine/contracts.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import { invalid, unsupported } from '#base/errors.ts';

/** The client, which takes what it asked for. */
type Receiver = Pick<BuildSession, 'sendArchive' | 'sendFolders'>;

/** The types of images in this engine: of dockerd's BuildKit, and of buildkitd. */
const toImages = new Set(['moby', 'image']);

/** Options that change nothing here: all is unpacked and named at once, in OCI's types, with the times of SOURCE_DATE_EPOCH. */
const withoutEffect = new Set([
  ...[
    'name',
    'push',
    'unpack',
    'store',
    'name-canonical',
    'oci-mediatypes',
    'context',
    'dest',
    'tar',
    'load',
  ],
  ...[
    'prefer-image-digest',
    'buildinfo-attrs',
    'dangling-name-prefix',
    'registry.insecure',
    'rewrite-timestamp',
  ],
  ...['compression', 'compression-level', 'force-compression', 'platform-split', 'push-by-digest'],
]);

/** A folder instead of an archive, an image that only the registry has, and the files of several platforms in each other's place. */
const refusedValues: Readonly<Record<string, string>> = {
  ...{ tar: 'false', 'push-by-digest': 'true', 'platform-split': 'false' },
};

/**
 * The outputs that a client's exporters ask for; the number of an exporter is its place in the list.
 * @throws unsupported naming the exporter or its option
 */
export function outputsOf(
  exporters: readonly Choice[],
  receiver: Receiver,
  signal: AbortSignal,
): BuildOutput[] {
  return exporters.map((exporter, index) => {
    check(exporter);
    return outputOf(exporter, index, receiver, signal);
  });
}

function check({ type, attributes }: Choice): void {
  for (const [name, value] of Object.entries(attributes)) {
    const asked = refusedValues[name] === value;
    if (withoutEffect.has(name) && !asked) continue;
    if (annotationAttribute(name, value) !== undefined) continue;
    // The client itself deletes what else is in its folder.
    if (type === 'local' && name === 'mode') continue;
    throw unsupported(
      'exporter-option-unsupported',
      `the option '${name}=${value}' of the exporter '${type}' is not offered`,
    );
  }
}

/**
 * What the exporters are to note on their results. One result goes to all of them, so all that hold manifests say the same.
 * @throws invalid `annotation-invalid`; unsupported `annotations-unsupported`
 */
export function annotationsOf(exporters: readonly Choice[]): Annotation[] {
  const holding = exporters.filter(({ type }) => toImages.has(type) || type === 'oci' || type === 'docker');
  const [all = [], ...others] = holding.map(({ attributes }) =>
    Object.entries(attributes)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, value]) => annotationAttribute(name, value) ?? []),
  );
  if (others.some((each) => JSON.stringify(each) !== JSON.stringify(all)))
    throw unsupported('annotations-unsupported', 'other annotations for each output are not offered', {
      hint: 'give them to all: --annotation does',
    });
  return all;
}

function outputOf(
  { type, attributes }: Choice,
  index: number,
  receiver: Receiver,
  signal: AbortSignal,
): BuildOutput {
  const names = (attributes['name'] ?? '').split(',').filter((name) => name !== '');
  const compression = compressionOf(attributes);
  if (toImages.has(type))
    return { kind: 'image', names, push: attributes['push'] === 'true', ...compression };
  const write: WriteTar = (archive) => receiver.sendArchive(index, archive, {}, signal);
  if (type === 'oci' || type === 'docker') return { kind: type, names, ...compression, write };
  if (type === 'tar') return { kind: type, write };
  if (type === 'local')
    return { kind: type, send: (folders) => receiver.sendFolders(index, folders, signal) };
  throw unsupported('exporter-unsupported', `exporter "${type}" could not be found`, {
    hint: 'image, docker, oci, tar and local are offered',
  });
}

function compressionOf(attributes: Readonly<Record<string, string>>): { compression?: OutputCompression } {
  const { compression: type, 'compression-level': level, 'force-compression': force } = attributes;
  if (type === undefined) return {};
  if (type !== 'uncompressed' && type !== 'gzip' && type !== 'zstd')
    throw invalid('compression-invalid', `unsupported layer compression type: ${type}`);
  return {
    compression: { type, force: force === 'true', ...(level !== undefined && { level: Number(level) }) },
  };
}
