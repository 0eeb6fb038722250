import { shareBytes } from '#domain/disk/share.ts';
import type { Settings } from '#domain/settings/settings.ts';
import { Inventories } from '#engine/bases/inventories.ts';
import { KeptContexts } from '#engine/bases/kept-contexts.ts';
import { RecordedBuilds } from '#engine/bases/recorded-builds.ts';
import { SecretsAgain } from '#engine/bases/secrets-again.ts';
import { Builds } from '#engine/builds/builds.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Images } from '#engine/images/images.ts';
import type { Secrets } from '#engine/secrets/secrets.ts';
import type { Adapters } from '#main/adapters.ts';
import { release } from '#main/release.ts';

type Nouns = Omit<BuildParts, keyof Adapters | 'inventories' | 'layerLimits' | 'version'> & {
  images: Images;
  secrets: Secrets;
};

/** Builds, who remembers them with all that is needed to do them again, and what is known of the packages in images. */
export function openBuilds(settings: Settings, adapters: Adapters, nouns: Nouns) {
  const { store, blobs, clock, trees, ownFiles, space, snapshotter: snapshots } = adapters;
  const { images, report } = nouns;
  const { keepContexts, maxContext } = settings.bases;
  const secrets = new SecretsAgain(nouns.secrets, settings.bases.secrets);
  const inventories = new Inventories({ snapshots, trees, store });
  const { maxLayerSize: maxSize, maxLayerRatio: maxRatio } = settings.registries;
  const layerLimits = { maxSize, maxRatio };
  const builds = new Builds({ ...adapters, ...nouns, inventories, layerLimits, version: release.version });
  const contexts = new KeptContexts({
    ...{ blobs, trees, store, clock, care: images.contents },
    pack: (folder) => ownFiles.packAll(folder),
    limits: { all: async () => shareBytes(keepContexts, (await space.measure()).total), each: maxContext },
  });
  return {
    builds,
    inventories,
    recordedBuilds: new RecordedBuilds({ builds, store, contexts, secrets, report }),
  };
}
