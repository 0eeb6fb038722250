import { unsupported } from '#base/errors.ts';
import { fingerprint } from '#base/ids.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { baseConfig } from '#domain/base/base-config.ts';
import { canonicalName, parseBaseName, type BaseName } from '#domain/base/base-name.ts';
import { contentsOf } from '#domain/base/contents.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { Image } from '#domain/image/image.ts';
import { mediaTypes, type Descriptor } from '#domain/image/manifest.ts';
import { formatReference, type Reference } from '#domain/image/reference.ts';
import type { NewImage, PullOptions } from '#engine/contracts.ts';
import type { BaseImages, Companion } from '#engine/images/base-images.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { BootstrapPlan, Bootstrapper, BootstrapRequest } from '#ports/bootstrapper.ts';
import { SuiteChoice } from '#engine/bases/suite-choice.ts';
import type { Clock } from '#ports/clock.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** Counts up when the same packages would give another layer than before. */
const recipeVersion = 3;

/** A layer that was made before. Its key is a fingerprint of the packages and the recipe. */
interface MadeLayer {
  diffId: Digest;
  /** Bytes of the tar, and of the unpacked files. */
  blobSize: number;
  size: number;
}

interface KnownPlan extends BootstrapPlan {
  /** Milliseconds since 1970. */
  planned: number;
}

export interface BasesOptions {
  bootstrapper: Bootstrapper;
  blobs: Pick<BlobStore, 'stat' | 'open' | 'write'>;
  snapshots: Pick<Snapshotter, 'isCommitted' | 'unpack'>;
  store: Pick<StateStore, 'collection'>;
  clock: Pick<Clock, 'now'>;
  /** As an image names it; Debian's word is the same for those that Berth runs on. */
  architecture: 'amd64' | 'arm64';
  /** How long a plan is good before the mirror is asked again; absent: an hour. */
  refreshMs?: number;
}

const hour = 3_600_000;

/** Makes the images of `debian.berth`. Two pulls of one name at once make it once. */
export class Bases implements BaseImages {
  readonly #options: BasesOptions;
  readonly #layers: Collection<MadeLayer>;
  readonly #plans: Collection<KnownPlan>;
  readonly #suites: SuiteChoice;
  readonly #locks = new KeyedMutex();
  #whenMade: (image: Image) => Promise<void> = () => Promise.resolve();
  #companions: BaseImages['companions'] = () => Promise.resolve([]);

  constructor(options: BasesOptions) {
    this.#options = options;
    this.#layers = options.store.collection('base-layers');
    this.#plans = options.store.collection('base-plans');
    this.#suites = new SuiteChoice(options.bootstrapper);
  }

  async make(reference: Reference, options: PullOptions): Promise<NewImage> {
    const asked = parseBaseName(reference);
    this.#checkPlatform(reference, options.platform);
    const tag = formatReference(reference);
    if (this.#locks.isHeld(tag)) options.onProgress({ status: `Waiting for another pull of ${tag}` });
    return this.#locks.run(tag, async () => {
      const name = await this.#suites.choose(tag, asked, (suite) =>
        this.#planOf({ ...asked, suite }, options),
      );
      return this.#make(tag, name, options);
    });
  }

  made(image: Image): Promise<void> {
    return this.#whenMade(image);
  }

  /** What is done with each image that was made and stored. */
  whenMade(work: (image: Image) => Promise<void>): void {
    this.#whenMade = work;
  }

  companions(image: Image, subject: Descriptor, repository: string): Promise<Companion[]> {
    return this.#companions(image, subject, repository);
  }

  /** What goes along with an image that was made when it is pushed. */
  whenPushed(work: BaseImages['companions']): void {
    this.#companions = work;
  }

  /** The next image of each name is made from what the mirror has then. */
  forgetPlans(): void {
    for (const [name] of this.#plans.entries()) this.#plans.delete(name);
  }

  async #make(tag: string, name: BaseName, options: PullOptions): Promise<NewImage> {
    const { architecture } = this.#options;
    const plan = await this.#planOf(name, options);
    const layer = await this.#layer(this.#request(name, options), plan);
    return {
      config: baseConfig(name, { ...plan, architecture, diffId: layer.diffId }),
      layers: [{ mediaType: mediaTypes.ociLayer, digest: layer.diffId, size: layer.blobSize }],
      tags: [tag],
      size: layer.size,
    };
  }

  #request(name: BaseName, { onProgress, signal }: PullOptions): BootstrapRequest {
    return {
      contents: contentsOf(name),
      suite: name.suite,
      architecture: this.#options.architecture,
      onProgress: (status) => onProgress({ status }),
      signal,
    };
  }

  /** The plan of a while ago, or a new one. */
  async #planOf(name: BaseName, options: PullOptions): Promise<BootstrapPlan> {
    const { clock, bootstrapper, refreshMs = hour } = this.#options;
    const key = canonicalName(name);
    const known = this.#plans.get(key);
    const age = clock.now() - (known?.planned ?? 0);
    if (known !== undefined && age >= 0 && age < refreshMs) return known;
    const plan = await bootstrapper.plan(this.#request(name, options));
    this.#plans.put(key, { ...plan, planned: clock.now() });
    return plan;
  }

  async #layer(request: BootstrapRequest, plan: BootstrapPlan): Promise<MadeLayer> {
    const { architecture, contents } = request;
    const key = fingerprint(
      JSON.stringify([{ version: recipeVersion, architecture, contents }, plan.packages, plan.epoch]),
    );
    const made = this.#layers.get(key);
    if (made !== undefined && (await this.#isWhole(made))) return made;
    const layer = await this.#build(request, plan);
    this.#layers.put(key, layer);
    return layer;
  }

  async #isWhole({ diffId }: MadeLayer): Promise<boolean> {
    const { blobs, snapshots } = this.#options;
    return (await blobs.stat(diffId)) !== undefined && (await snapshots.isCommitted(diffId));
  }

  /** The layer is stored uncompressed: then its digest does not depend on a compressor, and is its diff id. */
  async #build(request: BootstrapRequest, plan: BootstrapPlan): Promise<MadeLayer> {
    const { blobs, snapshots, bootstrapper } = this.#options;
    const tar = await bootstrapper.build(request, plan);
    const blob = await blobs.write(tar);
    // The chain id of a lowest layer is its diff id.
    const { size } = await snapshots.unpack(blob.digest, '', await blobs.open(blob.digest), blob.digest);
    return { diffId: blob.digest, blobSize: blob.size, size };
  }

  #checkPlatform(reference: Reference, platform: string | undefined): void {
    const { architecture } = this.#options;
    if (platform === undefined || platform === '' || platform === `linux/${architecture}`) return;
    throw unsupported(
      'base-platform',
      `make '${formatReference(reference)}' for ${platform}: images from packages are made for this host's linux/${architecture} only`,
    );
  }
}
