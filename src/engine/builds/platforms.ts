import { parseReference } from '#domain/image/reference.ts';
import type { BuildOutput, BuildRequest, IndexEntry } from '#engine/contracts.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertices } from '#engine/builds/vertices.ts';
import { invalid, unsupported } from '#base/errors.ts';

/** Several, each once; undefined for a build for one. */
export function severalPlatforms({ platforms = [] }: BuildRequest): string[] | undefined {
  const each = [...new Set(platforms)];
  return each.length > 1 ? each : undefined;
}

/** @throws unsupported `build-option-unsupported` for several */
export function forOnePlatform(request: BuildRequest): BuildRequest {
  const [platform, ...more] = new Set(request.platforms ?? []);
  if (more.length > 0) throw refused('verifying');
  return platform === undefined ? request : { ...request, platform };
}

function refused(what: string): Error {
  return unsupported('build-option-unsupported', `${what} of a build for several platforms is not offered`);
}

/**
 * What a build for several platforms cannot have: only an index in a registry or archive holds them all.
 * @throws unsupported `build-option-unsupported`; invalid `platforms-need-output`
 */
export function checkPlatforms({ outputs = [], cacheTo = [], context, contexts = {} }: BuildRequest): void {
  if (cacheTo.length > 0) throw refused("the option 'cacheTo'");
  if ([context, ...Object.values(contexts)].some((each) => 'tar' in each))
    throw refused('a context that can be read only once');
  for (const output of outputs)
    if (output.kind !== 'oci' && output.kind !== 'image') throw refused(`the output '${output.kind}'`);
  if (!outputs.some((output) => output.kind === 'oci' || (output.kind === 'image' && output.push)))
    throw invalid('platforms-need-output', 'an image for several platforms needs a place for its index', {
      hint: '--push, or --output type=oci,dest=FILE: the images of this engine are for one platform each',
    });
}

/** Brings images as one index where the outputs want it. @throws as Images.pushIndex; what a receiver fails with */
export async function writeIndexes(
  { images }: Pick<BuildParts, 'images'>,
  request: BuildRequest,
  entries: readonly IndexEntry[],
  vertices: Vertices,
): Promise<void> {
  for (const output of request.outputs ?? []) {
    if (output.kind === 'oci')
      await vertices
        .add('exporting to oci image format')
        .run(() => output.write(images.saveIndex(output.names, entries)));
    for (const name of pushed(output)) {
      const auth = await credentialsFor(request, parseReference(name).registry);
      const pushing = vertices.add(`pushing ${name}`);
      await pushing.run(() =>
        images.pushIndex(name, entries, {
          ...(auth !== undefined && { auth }),
          onProgress: (progress) => void pushing.progress(progress),
          signal: request.signal,
        }),
      );
    }
  }
}

function pushed(output: BuildOutput): string[] {
  return output.kind === 'image' && output.push ? output.names : [];
}
