import type { Image } from '#domain/image/image.ts';
import type { ImageConfig } from '#domain/image/manifest.ts';
import type { HostConfig } from '#domain/container/config.ts';
import type { BuildArguments } from '#domain/build/arguments.ts';
import { baseName } from '#domain/build/path.ts';
import { copyOrigin, nearStage, type BuildPlan, type PlannedStage } from '#domain/build/plan.ts';
import type { Written } from '#domain/dockerfile/instruction.ts';
import { mistake } from '#domain/dockerfile/source.ts';
import { matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildRequest, Lease, Progress } from '#engine/contracts.ts';
import type { CacheMounts } from '#engine/builds/cache-mounts.ts';
import { MountFolders } from '#engine/builds/mount-folders.ts';
import type { Undo } from '#engine/containers/undo.ts';
import type { Digest } from '#domain/image/digest.ts';
import type { BuildCache } from '#engine/builds/cache.ts';
import type { BuildContext } from '#engine/builds/context.ts';
import { failed, type Origin } from '#engine/builds/copy-sources.ts';
import { prepareCopy, type CopyWork, type PreparedCopy } from '#engine/builds/copy-step.ts';
import { located } from '#engine/builds/failures.ts';
import type { LayerJournal } from '#engine/builds/journal.ts';
import type { Sink } from '#engine/builds/output.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Vertices } from '#engine/builds/vertices.ts';
import type { StepsInFlight } from '#engine/builds/steps-in-flight.ts';
import type { StepExits } from '#engine/builds/step-exits.ts';
import type { Place } from '#ports/file-trees.ts';
import { newId } from '#base/ids.ts';
import { BerthError, messageOf, unavailable, unsupported } from '#base/errors.ts';

/** What the stages of one build share. */
export interface RunParts {
  /** Names the build's private folders. */
  id: string;
  parts: BuildParts;
  request: BuildRequest;
  plan: BuildPlan;
  context: BuildContext;
  lease: Lease;
  journal: LayerJournal;
  exits: StepExits;
  cache: BuildCache;
  caches: CacheMounts;
  vertices: Vertices;
  inFlight: StepsInFlight;
  signal: AbortSignal;
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

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** `linux/amd64`: of this machine. */
export function machinePlatform(parts: Pick<BuildParts, 'host'>): string {
  const { architecture } = parts.host.facts;
  return `linux/${architectures[architecture] ?? architecture}`;
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
  readonly vertices: Vertices;
  readonly inFlight: StepsInFlight;
  readonly signal: AbortSignal;
  /** All steps of all stages, as `Step 1/N` counts them. */
  readonly steps: number;
  readonly #id: string;
  readonly #context: BuildContext;
  readonly #mounts: MountFolders;
  readonly #stages = new Map<number, Promise<Image | undefined>>();
  readonly #pulls = new Map<string, Promise<Image>>();

  constructor(run: RunParts) {
    this.parts = run.parts;
    this.request = run.request;
    this.plan = run.plan;
    this.lease = run.lease;
    this.journal = run.journal;
    this.exits = run.exits;
    this.cache = run.cache;
    this.caches = run.caches;
    this.vertices = run.vertices;
    this.inFlight = run.inFlight;
    this.signal = run.signal;
    const { stages, file } = run.plan;
    this.steps = stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, file.globals.length);
    this.#id = run.id;
    this.#mounts = new MountFolders(run.parts, run.id, run.signal);
    this.#context = run.context;
  }

  get arguments(): BuildArguments {
    const given = Object.entries(this.request.buildArgs).flatMap(([name, value]) =>
      value === null ? [] : [[name, value] as const],
    );
    return { given: Object.fromEntries(given), globals: this.plan.globals };
  }

  /** The configuration that `FROM scratch` begins with. */
  scratch(): ImageConfig {
    const asked = this.request.platform ?? '';
    const [os = 'linux', architecture = ''] = (asked === '' ? machinePlatform(this.parts) : asked).split('/');
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
    if (stage.base.kind === 'context') throw contextRefused(stage.base.name);
    const { reference } = stage.base;
    const vertex = this.vertices.ofFrom(stage.index);
    const write = async (progress: Progress): Promise<void> => {
      await Promise.all([sink.write(progress), vertex?.progress(progress)]);
    };
    const work = async (): Promise<Image> => {
      const image = await this.#image(reference, stage.from, stage.platform, { write });
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
    if (from === undefined) {
      const { root, keeps, prunes } = this.#context;
      return {
        use: (work) => work({ root, keeps, prunes, owners: false }),
        open: (key, writable, undo) => this.#mounts.context(this.#context, key, writable, undo),
      };
    }
    const found = copyOrigin(this.plan.file, written, from, stage, this.plan.contexts);
    if (found.kind === 'context') throw contextRefused(found.name);
    const image =
      found.kind === 'stage'
        ? await this.#stages.get(found.index)
        : found.kind === 'image'
          ? await this.#fromImage(found.reference, written, sink)
          : undefined;
    if (image !== undefined) await this.holdImage(image);
    const chainId = image?.chainId ?? '';
    return {
      id: image?.id ?? 'scratch',
      chainId,
      use: (work) =>
        this.parts.snapshotter.view(chainId, (root) => work({ root, prunes: true, owners: true })),
      open: (key, _writable, undo) => this.#mounts.image(chainId, key, undo),
    };
  }

  async #fromImage(reference: string, written: Written, sink: Sink): Promise<Image> {
    try {
      return await this.#image(reference, written, undefined, sink);
    } catch (error) {
      if (!(error instanceof BerthError) || error.code === 'dockerfile-invalid') throw error;
      const message = `invalid from flag value ${reference}: ${error.message}`;
      throw new BerthError(error.kind, error.code, message, { cause: error });
    }
  }

  async prepareCopy(work: CopyWork, origin: UsableOrigin): Promise<PreparedCopy> {
    const downloads = await this.#download(work);
    return origin.use((source) => prepareCopy(this.parts.trees, work, source, downloads, this.signal));
  }

  /** The same sources below another root: a view is mounted anew for each use. */
  rebased(prepared: PreparedCopy, origin: Origin): PreparedCopy {
    const before = prepared.origin.root;
    const sources = prepared.sources.map((source) =>
      source.place.root === before ? { ...source, place: { ...source.place, root: origin.root } } : source,
    );
    return { ...prepared, origin, sources };
  }

  async #download(work: CopyWork): Promise<{ place: Place; name: string }[]> {
    const { trees } = this.parts;
    const found: { place: Place; name: string }[] = [];
    for (const url of work.urls) {
      const name = baseName(decodeURIComponent(url.pathname));
      if (name === '' && work.destination.endsWith('/'))
        throw failed(work, `cannot determine filename from url: ${url.href}`);
      const root = await trees.createFolder(`${this.#id}-urls`);
      const place = { root, path: newId() };
      const checksum = work.checksum === undefined ? {} : { checksum: work.checksum };
      await trees.download(url, place, { ...checksum, signal: this.signal });
      found.push({ place, name });
    }
    return found;
  }

  async #image(
    reference: string,
    written: Written,
    platform: string | undefined,
    sink: Sink,
  ): Promise<Image> {
    const wanted = platform ?? this.request.platform ?? '';
    const here = this.request.pull === true ? undefined : this.parts.images.find(reference);
    if (here !== undefined && this.#isFor(here, wanted)) return here;
    const key = `${reference} ${platform ?? ''}`;
    const pull = this.#pulls.get(key) ?? this.#pull(reference, platform, sink);
    this.#pulls.set(key, pull);
    try {
      return await pull;
    } catch (error) {
      this.signal.throwIfAborted();
      throw this.#missing(reference, written, error);
    }
  }

  #isFor({ config }: Image, wanted: string): boolean {
    if (wanted === '') return true;
    const machine = parsePlatform(machinePlatform(this.parts), { os: 'linux', architecture: '' });
    return matchesPlatform(config, parsePlatform(wanted, machine));
  }

  async #pull(reference: string, platform: string | undefined, sink: Sink): Promise<Image> {
    const { registry } = parseReference(reference);
    const { auths, credentials } = this.request;
    const auth = auths?.[registry] ?? (await credentials?.(registry));
    const wanted = platform ?? this.request.platform;
    return this.parts.images.pull(reference, {
      ...(auth === undefined ? {} : { auth }),
      ...(wanted === undefined || wanted === '' ? {} : { platform: wanted }),
      onProgress: (progress) => void sink.write(progress),
      signal: this.signal,
    });
  }

  #missing(reference: string, written: Written, error: unknown): BerthError {
    if (error instanceof BerthError && error.code === 'dockerfile-invalid') return error;
    const near = nearStage(this.plan.file, reference);
    const { file } = this.plan;
    if (near !== undefined)
      return mistake(file.source, written.at, messageOf(error), {
        length: written.text.length,
        hint: `${near} (a stage)`,
      });
    return error instanceof BerthError
      ? error
      : unavailable('pull-failed', messageOf(error), { cause: error });
  }
}

function contextRefused(name: string): Error {
  return unsupported('build-option-unsupported', `the context '${name}' of a build is not offered`);
}
