import type { Image } from '#domain/image/image.ts';
import { formatPlatform } from '#domain/image/platform.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type {
  BuildOutput,
  BuildRequest,
  Exported,
  OutputCompression,
  Progress,
  PushOptions,
} from '#engine/contracts.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import { Export, type MadeImage } from '#engine/builds/export.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { NamedFolder } from '#ports/root-files.ts';
import type { Vertex, Vertices } from '#engine/builds/vertices.ts';

type OutputParts = Pick<BuildParts, 'images' | 'snapshotter' | 'rootFiles' | 'trees'>;

const titles = {
  image: 'exporting to image',
  oci: 'exporting to oci image format',
  docker: 'exporting to docker image format',
  tar: 'exporting to client tarball',
  local: 'exporting to client directory',
  folder: 'exporting to folder',
} as const satisfies Record<BuildOutput['kind'], string>;

/**
 * Brings the images of a build, one for each of its platforms, with what is attested of them, where its outputs want them.
 * Gives the one that its names mean here. @throws as Images.push; what a receiver fails with
 */
export async function writeOutputs(
  parts: OutputParts,
  request: BuildRequest,
  made: readonly MadeImage[],
  vertices: Vertices,
): Promise<Image> {
  const outputs = outputsOf(request);
  const exporting = new Export(parts.images, request, outputs, made);
  let pushed: Descriptor | undefined;
  for (const output of outputs) {
    const vertex = vertices.add(titles[output.kind]);
    await vertex.run(() => write(parts, request, exporting, output, vertex));
    if (output.kind !== 'image' || !output.push) continue;
    for (const name of output.names) {
      const pushing = vertices.add(`pushing ${name}`);
      const sent = await pushing.run(() => push(parts, request, output, name, pushing));
      pushed ??= sent;
    }
  }
  request.onExported?.({
    target: pushed ?? (await exporting.target()),
    attested: made.map(({ image, predicates }) => attestedOf(image, predicates)),
  });
  return exporting.image();
}

function attestedOf({ config }: Image, predicates: MadeImage['predicates']): Exported['attested'][number] {
  return { platform: formatPlatform(config), predicates };
}

/** What the outputs do with the image, they tell themselves; where there are none, it is for this engine. */
function outputsOf({ outputs, tags }: BuildRequest): BuildOutput[] {
  const own: BuildOutput = { kind: 'image', names: tags, push: false };
  if (outputs === undefined) return [own];
  return tags.length > 0 ? [own, ...outputs] : outputs;
}

async function write(
  parts: OutputParts,
  request: BuildRequest,
  exporting: Export,
  output: BuildOutput,
  vertex: Vertex,
): Promise<void> {
  await exporting.make(vertex);
  for (const name of 'names' in output ? output.names : [])
    await vertex.note(`naming to ${formatReference(parseReference(name))}`);
  if (output.kind === 'image') return;
  if ('names' in output) {
    if ((output.compression?.type ?? 'uncompressed') !== 'uncompressed')
      await vertex.note('compression has no effect: the archive has layers as they are stored here');
    await output.write(await exporting.archive(output));
    await vertex.note('sending tarball');
  } else {
    if ((request.annotations ?? []).length > 0)
      await vertex.note('annotations have no effect: files have none');
    await writeFiles(parts, exporting.made, output, request.sourceDateEpoch);
  }
}

/** The files of the images, each platform's in a folder of its own. No time in those of a tar is later than `epoch` (seconds since 1970). */
async function writeFiles(
  parts: OutputParts,
  made: readonly MadeImage[],
  output: Exclude<BuildOutput, { names: string[] }>,
  epoch?: number,
): Promise<void> {
  const { rootFiles, trees } = parts;
  const named = made.map(({ image }) => ({
    image,
    prefix: made.length === 1 ? '' : formatPlatform(image.config).replaceAll('/', '_'),
  }));
  named.sort((one, other) => (one.prefix < other.prefix ? -1 : 1));
  await viewed(parts, named, [], async (folders) => {
    if (output.kind === 'tar') return output.write(rootFiles.packFolders(folders, epoch));
    if (output.kind === 'local') return output.send(folders);
    const rules = output.owner === undefined ? {} : { owner: output.owner };
    for (const { prefix, folder } of folders) {
      const to = { root: output.folder, path: `/${prefix}` };
      if (prefix !== '') await trees.makeFolder(to, output.owner ?? { uid: 0, gid: 0 });
      await trees.copy({ root: folder, path: '/' }, to, rules);
    }
  });
}

/** Runs `use` while the files of all images are there. */
async function viewed(
  { snapshotter }: Pick<OutputParts, 'snapshotter'>,
  [next, ...rest]: readonly { image: Image; prefix: string }[],
  folders: readonly NamedFolder[],
  use: (folders: readonly NamedFolder[]) => Promise<void>,
): Promise<void> {
  if (next === undefined) return use(folders);
  return snapshotter.view(next.image.chainId, (folder) =>
    viewed({ snapshotter }, rest, [...folders, { prefix: next.prefix, folder }], use),
  );
}

async function push(
  { images }: Pick<OutputParts, 'images'>,
  request: BuildRequest,
  { compression }: Extract<BuildOutput, { kind: 'image' }>,
  name: string,
  vertex: Vertex,
): Promise<Descriptor> {
  if (compression?.force === true)
    await vertex.note('force-compression has no effect: layers that are compressed stay as they are');
  const auth = await credentialsFor(request, parseReference(name).registry);
  return images.push(name, {
    ...(auth !== undefined && { auth }),
    ...(compression !== undefined && { compression: packingOf(compression) }),
    onProgress: (progress: Progress) => void vertex.progress(progress),
    signal: request.signal,
  });
}

function packingOf({ type, level = 0 }: OutputCompression): NonNullable<PushOptions['compression']> {
  return { kind: type === 'uncompressed' ? 'none' : type, level };
}
