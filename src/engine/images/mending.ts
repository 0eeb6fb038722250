import { allTried } from '#base/all-tried.ts';
import { isKind } from '#base/errors.ts';
import { placesOf } from '#engine/images/layers.ts';
import type { Parts } from '#engine/images/parts.ts';

/**
 * Unpacks anew what an image needs and the snapshotter does not have: after a power cut, a restore of the
 * blobs alone, or a removal by hand. An image whose blobs are gone or damaged too stays listed; using it says what is missing.
 */
export async function mendSnapshots(parts: Parts): Promise<void> {
  const places = parts.catalog
    .all()
    .flatMap(({ layers, config }) => placesOf(layers, config.rootfs.diff_ids));
  await allTried(
    places.map((place) => async () => {
      try {
        await parts.layers.unpack(place);
      } catch (error) {
        if (!isKind(error, 'not-found') && !isKind(error, 'invalid')) throw error;
      }
    }),
  );
}
