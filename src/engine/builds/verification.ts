import type { Image } from '#domain/image/image.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type { BuildRequest, BuildDifference, Verification } from '#engine/contracts.ts';
import { firstDifference } from '#engine/builds/layer-difference.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';

type Build = (request: BuildRequest) => Promise<Image>;

/**
 * Builds twice without the cache and compares. Without SOURCE_DATE_EPOCH, both get the time of the beginning: it is
 * what a second build could not know.
 */
export async function verifyBuild(
  parts: { blobs: Pick<BlobStore, 'open'>; clock: Clock },
  request: BuildRequest,
  build: Build,
): Promise<Verification> {
  const sourceDateEpoch = request.sourceDateEpoch ?? Math.floor(parts.clock.now() / 1000);
  const apart = { ...request, tags: [], outputs: [], noCache: true, sourceDateEpoch };
  const first = await build(apart);
  const second = await build(apart);
  if (first.id === second.id) return { image: first, sourceDateEpoch };
  return {
    image: first,
    second,
    sourceDateEpoch,
    difference: await differenceOf(parts.blobs, first, second),
  };
}

async function differenceOf(
  blobs: Pick<BlobStore, 'open'>,
  first: Image,
  second: Image,
): Promise<BuildDifference> {
  const [ofFirst, ofSecond] = [stepsOf(first), stepsOf(second)];
  for (const [index, { step, layer }] of ofFirst.entries()) {
    const other = ofSecond[index];
    if (layer?.digest === other?.layer?.digest) continue;
    const files =
      layer !== undefined && other?.layer !== undefined
        ? await firstDifference(await blobs.open(layer.digest), await blobs.open(other.layer.digest))
        : {
            path: '/',
            reasons: [`only the ${layer === undefined ? 'second' : 'first'} build changed files`],
          };
    return { step, ...(files ?? { path: '/', reasons: ['the layers differ in their order'] }) };
  }
  return { step: '', path: '', reasons: ['the configurations of the images differ'] };
}

/** The steps of an image with the layer that each has made. */
function stepsOf({ config, layers }: Image): { step: string; layer?: Descriptor }[] {
  let next = 0;
  return (config.history ?? []).map(({ created_by: step = '', empty_layer: isEmpty }) => {
    const layer = isEmpty === true ? undefined : layers[next++];
    return { step, ...(layer !== undefined && { layer }) };
  });
}
