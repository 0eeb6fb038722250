import type { Image } from '#domain/image/image.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import type { HostConfig } from '#domain/container/config.ts';
import { givenArguments, type BuildArguments } from '#domain/build/arguments.ts';
import { cacheKey } from '#domain/build/cache-key.ts';
import { contextPaths } from '#domain/build/context-paths.ts';
import { copyOrigin, type BuildPlan, type PlannedStage } from '#domain/build/plan.ts';
import type { Written } from '#domain/dockerfile/instruction.ts';
import type { BuildRequest, Lease, Progress } from '#engine/contracts.ts';
import type { CacheMounts } from '#engine/builds/cache-mounts.ts';
import { MountFolders } from '#engine/builds/mount-folders.ts';
import type { Undo } from '#engine/containers/undo.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { BuildCache } from '#engine/builds/cache.ts';
import type { ImportedCaches } from '#engine/builds/cache-import.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import type { BuildContext, ContextFiles } from '#engine/builds/context.ts';
import { fetchSources } from '#engine/builds/copy-downloads.ts';
import type { Origin } from '#engine/builds/copy-sources.ts';
import { prepareCopy, type CopyWork, type PreparedCopy } from '#engine/builds/copy-step.ts';
import { located } from '#engine/builds/failures.ts';
import { imageApart } from '#engine/builds/layer-apart.ts';
import { ImageSources, machinePlatform } from '#engine/builds/image-sources.ts';
import type { KeptSteps } from '#engine/builds/kept-steps.ts';
import type { LayerJournal } from '#engine/builds/journal.ts';
import type { Sink } from '#engine/builds/output.ts';
import type { NamedContexts } from '#engine/builds/named-contexts.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertices } from '#engine/builds/vertices.ts';
import type { StepsInFlight } from '#engine/builds/steps-in-flight.ts';
import type { StepExits } from '#engine/builds/step-exits.ts';

/** What all builds share. */
export interface EngineParts {
  parts: BuildParts;
  journal: LayerJournal;
  exits: StepExits;
  cache: BuildCache;
  caches: CacheMounts;
  inFlight: StepsInFlight;
}

/** What the platforms of one build share. */
export interface SharedParts {
  plans: readonly BuildPlan[];
  context: BuildContext;
  named: NamedContexts;
  lease: Lease;
  imported: ImportedCaches;
  /** As ImageSources has them. */
  pulls: Map<string, Promise<Image>>;
  /** The keys of the steps that were made: what is not to come from the cache is made once all the same. */
  made: Set<string>;
  signal: AbortSignal;
}

/** What the stages of a build for one platform share. */
export interface RunParts extends EngineParts, SharedParts {
  folders: BuildFolders;
  request: BuildRequest;
  plan: BuildPlan;
  steps: KeptSteps;
  vertices: Vertices;
}

/** Where a COPY takes its files from; `id` names the image, whose content never changes. */
export interface UsableOrigin {
  id?: string;
  /** Names the content of an image's files. */
  chainId?: Digest | '';
  use<T>(work: (origin: Origin) => Promise<T>): Promise<T>;
  /** The files as a container sees them, until the undo runs; what is written into them is lost then. */
  open(key: string, writable: boolean, undo: Undo): Promise<string>;
}

export class BuildRun {
  readonly parts: BuildParts;
  readonly request: BuildRequest;
  readonly plan: BuildPlan;
  readonly lease: Lease;
  readonly journal: LayerJournal;
  readonly exits: StepExits;
  readonly cache: BuildCache;
  readonly caches: CacheMounts;
  readonly imported: ImportedCaches;
  /** As in SharedParts. */
  readonly made: Set<string>;
  /** What was made or found, by its keys. */
  readonly kept: KeptSteps;
  readonly vertices: Vertices;
  /** Names of the ARGs that the triggers of bases declare. */
  readonly triggered = new Set<string>();
  readonly inFlight: StepsInFlight;
  readonly signal: AbortSignal;
  /** All steps of all stages, as `Step 1/N` counts them. */
  readonly steps: number;
  readonly #folders: BuildFolders;
  readonly #plans: readonly BuildPlan[];
  readonly #contexts: NamedContexts;
  readonly #context: BuildContext;
  readonly #mounts: MountFolders;
  readonly #stages = new Map<number, Promise<Image | undefined>>();
  readonly #sources: ImageSources;

  constructor(run: RunParts) {
    this.parts = run.parts;
    this.request = run.request;
    this.plan = run.plan;
    this.lease = run.lease;
    this.journal = run.journal;
    this.exits = run.exits;
    this.cache = run.cache;
    this.caches = run.caches;
    this.imported = run.imported;
    this.made = run.made;
    this.kept = run.steps;
    this.vertices = run.vertices;
    this.inFlight = run.inFlight;
    this.signal = run.signal;
    const { stages, file } = run.plan;
    this.steps = stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, file.globals.length);
    const { folders, parts, signal } = run;
    this.#folders = folders;
    this.#sources = new ImageSources(run);
    this.#mounts = new MountFolders(parts, folders, signal);
    this.#plans = run.plans;
    this.#contexts = run.named;
    this.#context = run.context;
  }

  get arguments(): BuildArguments {
    return { given: givenArguments(this.request.buildArgs), globals: this.plan.globals };
  }

  /** Whether nothing is taken from the cache for a stage. */
  isUncached({ index, from }: Pick<PlannedStage, 'index' | 'from'>): boolean {
    const { noCache, noCacheFor = [] } = this.request;
    return noCache === true || noCacheFor.some((name) => name === from.as || name === String(index));
  }

  /** What the times in the result make of the keys of the cache. */
  get stamp(): string[] {
    const { sourceDateEpoch } = this.request;
    return sourceDateEpoch === undefined ? [] : [`epoch ${sourceDateEpoch}`];
  }

  /** Now, but no later than the request says (SOURCE_DATE_EPOCH). */
  timestamp(): string {
    const { sourceDateEpoch } = this.request;
    if (sourceDateEpoch === undefined) return this.parts.clock.timestamp();
    return new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
  }

  /** Of what begins with nothing: `linux/amd64`. */
  get platform(): string {
    const asked = this.request.platform ?? '';
    return asked === '' ? machinePlatform(this.parts) : asked;
  }

  /** The configuration that `FROM scratch` begins with. */
  scratch(): ImageConfig {
    const [os = 'linux', architecture = ''] = this.platform.split('/');
    return { os, architecture, config: {}, rootfs: { type: 'layers', diff_ids: [] }, history: [] };
  }

  hostConfig(network: 'default' | 'none' | 'host'): HostConfig {
    const asked = this.request.networkMode ?? 'default';
    return {
      ...this.request.resources,
      ExtraHosts: this.request.extraHosts ?? [],
      NetworkMode: network === 'default' ? asked : network,
    };
  }

  /** Other stages wait for this one by its index. */
  enter(index: number, result: Promise<Image | undefined>): void {
    this.#stages.set(index, result);
    // Whoever waits for it gets the failure; nobody may.
    result.catch(() => undefined);
  }

  /** Waits for stages. @throws what they threw */
  async settled(indexes: number[]): Promise<void> {
    for (const index of indexes) await this.#stages.get(index);
  }

  /** The image that a stage begins with; undefined for scratch. @throws as Images.pull, with the place of FROM */
  async base(stage: PlannedStage, sink: Sink): Promise<Image | undefined> {
    if (stage.base.kind === 'scratch') return undefined;
    if (stage.base.kind === 'stage') return this.#stages.get(stage.base.index);
    if (stage.base.kind === 'context') return this.#contextBase(stage, stage.base.name, sink);
    return this.#imageBase(stage, stage.base.reference, sink);
  }

  /** Where a context stands for the base: the image it names, or its files as an image of one layer. */
  async #contextBase(stage: PlannedStage, name: string, sink: Sink): Promise<Image | undefined> {
    const context = await this.#contexts.open(name, stage.platform ?? this.platform);
    if ('image' in context) return this.#imageBase(stage, context.image, sink);
    const { trees } = this.parts;
    const filter = { keeps: context.keeps, prunes: context.prunes, signal: this.signal };
    const content = await trees.digest({ root: context.root, path: '/' }, { ...filter, owners: false });
    const copy = (root: string): Promise<void> =>
      trees.copy(
        { root: context.root, path: '/' },
        { root, path: '/' },
        { ...filter, owner: { uid: 0, gid: 0 } },
      );
    return imageApart(
      this,
      { by: 'daemon', do: copy },
      cacheKey('context', [content, this.platform, ...this.stamp]),
    );
  }

  async #imageBase(stage: PlannedStage, reference: string, sink: Sink): Promise<Image> {
    const vertex = this.vertices.ofFrom(stage.index);
    const write = async (progress: Progress): Promise<void> => {
      await Promise.all([sink.write(progress), vertex?.progress(progress)]);
    };
    const work = async (): Promise<Image> => {
      const image = await this.#sources.find(reference, stage.from, stage.platform, { write });
      await this.holdImage(image);
      return image;
    };
    try {
      return await (vertex === undefined ? work() : vertex.run(work));
    } catch (error) {
      this.signal.throwIfAborted();
      throw located(this.plan.file, stage.from, error);
    }
  }

  /** Keeps an image's blobs and snapshots until the build ends. */
  async holdImage(image: Image): Promise<void> {
    const digests = image.layers.map((layer) => layer.digest);
    await this.lease.hold(...digests, ...(image.chainId === '' ? [] : [image.chainId]));
  }

  /** @throws invalid `dockerfile-invalid` for a stage that is not there; as Images.pull */
  async origin(from: string | undefined, written: Written, stage: number, sink: Sink): Promise<UsableOrigin> {
    if (from === undefined) return this.#filesOrigin(await this.#context.files(this.#pathsFor(written)));
    const own = this.plan.stages.find(({ index }) => index === stage);
    const found = copyOrigin(this.plan.file, written, from, stage, own?.contexts);
    if (found.kind === 'stage') return this.#imageOrigin(await this.#stages.get(found.index));
    if (found.kind === 'scratch') return this.#imageOrigin(undefined);
    if (found.kind === 'image')
      return this.#imageOrigin(await this.#sources.copied(found.reference, written, sink));
    const platform = own?.platform ?? this.platform;
    const context = await this.#contexts.open(found.name, platform, this.#pathsFor(written, found.name));
    if (!('image' in context)) return this.#filesOrigin(context);
    return this.#imageOrigin(await this.#sources.copied(context.image, written, sink));
  }

  /** What the file's instructions take of a context, for any platform; undefined for triggers of a base, which may take anything. */
  #pathsFor(written: Written, context?: string): string[] | undefined {
    const isOwn = this.plan.stages.some(({ instructions }) => instructions.some((each) => each === written));
    return isOwn ? contextPaths(this.#plans, context) : undefined;
  }

  #filesOrigin(context: ContextFiles): UsableOrigin {
    const { root, keeps, prunes } = context;
    return {
      use: (work) => work({ root, keeps, prunes, owners: false }),
      open: (key, writable, undo) => this.#mounts.context(context, key, writable, undo),
    };
  }

  async #imageOrigin(image: Image | undefined): Promise<UsableOrigin> {
    if (image !== undefined) await this.holdImage(image);
    const chainId = image?.chainId ?? '';
    return {
      id: image?.id ?? 'scratch',
      chainId,
      use: (work) =>
        this.parts.snapshotter.view(chainId, (root) =>
          work({ root, prunes: true, owners: true, isImage: true }),
        ),
      open: (key, _writable, undo) => this.#mounts.image(chainId, key, undo),
    };
  }

  async prepareCopy(work: CopyWork, origin: UsableOrigin): Promise<PreparedCopy> {
    const { parts, signal } = this;
    const downloads = await fetchSources(work, { parts, folders: this.#folders, signal });
    return origin.use((source) => prepareCopy(parts.trees, work, source, downloads, signal));
  }

  /** The same sources below another root: a view is mounted anew for each use. */
  rebased(prepared: PreparedCopy, origin: Origin): PreparedCopy {
    const before = prepared.origin.root;
    const sources = prepared.sources.map((source) =>
      source.place.root === before ? { ...source, place: { ...source.place, root: origin.root } } : source,
    );
    return { ...prepared, origin, sources };
  }
}
