import type { Image } from '#domain/image/image.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildOutput, BuildRequest, IndexEntry, Progress } from '#engine/contracts.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
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

/** Brings an image, with what is attested of it, where the outputs of its request want it. @throws as Images.push; what a receiver fails with */
export async function writeOutputs(
  parts: OutputParts,
  request: BuildRequest,
  entry: IndexEntry,
  vertices: Vertices,
): Promise<void> {
  for (const output of request.outputs ?? []) {
    const vertex = vertices.add(titles[output.kind]);
    await vertex.run(() => nameAndWrite(parts, request, entry, output, vertex));
    if (output.kind !== 'image' || !output.push) continue;
    for (const name of output.names) {
      const pushing = vertices.add(`pushing ${name}`);
      await pushing.run(() => push(parts, request, entry, name, pushing));
    }
  }
}

/** Archives have the names of the image in this engine, which it gets therefore. */
async function nameAndWrite(
  parts: OutputParts,
  { sourceDateEpoch }: BuildRequest,
  entry: IndexEntry,
  output: BuildOutput,
  vertex: Vertex,
): Promise<void> {
  const image = parts.images.get(entry.id);
  if (output.kind === 'image') await vertex.note(`writing image ${image.id}`);
  const names = 'names' in output ? output.names : [];
  for (const name of names) {
    await vertex.note(`naming to ${name}`);
    await parts.images.tag(image.id, name);
  }
  if (output.kind === 'oci' && isAttested(entry))
    await output.write(parts.images.saveIndex(output.names, [entry]));
  else if (output.kind !== 'image') await writeOutput(parts, image, output, sourceDateEpoch);
}

/** An archive, or the files of an image. No time in the files of a tar is later than `epoch` (seconds since 1970). */
async function writeOutput(
  { images, snapshotter, rootFiles, trees }: OutputParts,
  image: Image,
  output: Exclude<BuildOutput, { kind: 'image' }>,
  epoch?: number,
): Promise<void> {
  if (output.kind === 'tar')
    return snapshotter.view(image.chainId, (root) => output.write(rootFiles.packAll(root, epoch)));
  if (output.kind === 'folder') {
    const { folder, owner } = output;
    const to = { root: folder, path: '/' };
    return snapshotter.view(image.chainId, (root) =>
      trees.copy({ root, path: '/' }, to, owner === undefined ? {} : { owner }),
    );
  }
  if (output.kind === 'local') return snapshotter.view(image.chainId, output.send);
  return output.write(images.save(output.names.length > 0 ? output.names : [image.id]));
}

function isAttested({ predicates = [] }: IndexEntry): boolean {
  return predicates.length > 0;
}

async function push(
  { images }: Pick<OutputParts, 'images'>,
  request: BuildRequest,
  entry: IndexEntry,
  name: string,
  vertex: Vertex,
): Promise<void> {
  const auth = await credentialsFor(request, parseReference(name).registry);
  const options = {
    ...(auth !== undefined && { auth }),
    onProgress: (progress: Progress) => void vertex.progress(progress),
    signal: request.signal,
  };
  if (isAttested(entry)) await images.pushIndex(name, [entry], options);
  else await images.push(name, options);
}
