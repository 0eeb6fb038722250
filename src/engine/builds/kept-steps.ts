import type { BuildPlan } from '#domain/build/plan.ts';
import type { CacheDocument } from '#domain/build/cache-document.ts';
import type { Image } from '#domain/image/image.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Descriptor } from '#domain/image/manifest.ts';

interface KeptStep {
  image: Image;
  /** Index of its stage; undefined for layers that stand on nothing. */
  stage: number | undefined;
}

/** The steps that one build made or took from the cache, by their keys. */
export class KeptSteps {
  readonly #steps = new Map<string, KeptStep>();

  add(key: string, image: Image, stage?: number): void {
    this.#steps.set(key, { image, stage });
  }

  /** `min`: only the steps of which the result is made. */
  ofMode(mode: 'min' | 'max', plan: BuildPlan): Map<string, Image> {
    const wanted = mode === 'max' ? undefined : stagesBelow(plan);
    return this.#those(({ stage }) => stage === undefined || wanted?.has(stage) !== false);
  }

  /** Those that have no other layers than the image. */
  within(image: Image): Map<string, Image> {
    const layers = new Set(image.config.rootfs.diff_ids);
    return this.#those((step) => step.image.config.rootfs.diff_ids.every((layer) => layers.has(layer)));
  }

  #those(accepts: (step: KeptStep) => boolean): Map<string, Image> {
    return new Map([...this.#steps].flatMap(([key, step]) => (accepts(step) ? [[key, step.image]] : [])));
  }
}

/** The target's stage and those that it stands on. */
function stagesBelow({ stages }: BuildPlan): Set<number> {
  const found = new Set<number>();
  let stage = stages.at(-1);
  while (stage !== undefined) {
    found.add(stage.index);
    const { base } = stage;
    stage = base.kind === 'stage' ? stages.find(({ index }) => index === base.index) : undefined;
  }
  return found;
}

/** Without where the layers are. */
export function cacheDocument(steps: Map<string, Image>): CacheDocument {
  const document: CacheDocument = { version: 1, keys: {}, images: {}, layers: {} };
  for (const [key, { id, config }] of [...steps].sort(([one], [other]) => (one < other ? -1 : 1))) {
    document.keys[key] = id;
    document.images[id] = JSON.stringify(config);
  }
  return document;
}

/** The layers of images by their diff ids. */
export function layersOf(images: Iterable<Image>): Map<Digest, Descriptor> {
  const found = new Map<Digest, Descriptor>();
  for (const { config, layers } of images)
    for (const [index, diffId] of config.rootfs.diff_ids.entries()) {
      const layer = layers[index];
      if (layer !== undefined) found.set(diffId, layer);
    }
  return found;
}
