import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import { entriesToPrune, type CacheEntry, type PruneLimits } from '#domain/build/cache-prune.ts';
import { planBuild, type BuildPlan, type PlannedStage } from '#domain/build/plan.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { BuildRequest, Builds as BuildsContract } from '#engine/contracts.ts';
import { BuildRun } from '#engine/builds/build-run.ts';
import { BuildFolders } from '#engine/builds/build-folders.ts';
import { BuildCache } from '#engine/builds/cache.ts';
import { CacheMounts } from '#engine/builds/cache-mounts.ts';
import { openContext, type BuildContext } from '#engine/builds/context.ts';
import { Dockerfiles } from '#engine/builds/dockerfiles.ts';
import { noImage } from '#engine/builds/failures.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import { LayerJournal } from '#engine/builds/journal.ts';
import { OrderedOutput, say, type Sink } from '#engine/builds/output.ts';
import { snapshotPrefix, type BuildParts } from '#engine/builds/parts.ts';
import { StageRun } from '#engine/builds/stage-run.ts';
import { Vertices } from '#engine/builds/vertices.ts';
import { StepsInFlight } from '#engine/builds/steps-in-flight.ts';
import { StepExits } from '#engine/builds/step-exits.ts';
import { refuseUnhonoured } from '#engine/builds/unhonoured.ts';
import { newId } from '#base/ids.ts';
import { invalid, isKind } from '#base/errors.ts';

/** Builds images from Dockerfiles. Stages that do not need each other run at the same time. */
export class Builds implements BuildsContract {
  readonly #parts: BuildParts;
  readonly #dockerfiles: Dockerfiles;
  readonly #cache: BuildCache;
  readonly #caches: CacheMounts;
  readonly #exits: StepExits;
  readonly #inFlight = new StepsInFlight();
  readonly #journal: LayerJournal;
  readonly #running = new Map<string, AbortController>();

  constructor(parts: BuildParts) {
    this.#parts = parts;
    this.#dockerfiles = new Dockerfiles((name) => parts.images.find(name), machinePlatform(parts));
    this.#cache = new BuildCache(parts.store, parts.images, parts.clock);
    this.#caches = new CacheMounts(parts.store, parts);
    this.#exits = new StepExits(parts.runtime);
    this.#journal = new LayerJournal(parts.store, parts);
  }

  /** Removes what builds left that a crash cut off; to be called before the first build, after Images.start. */
  async start(): Promise<void> {
    const { snapshotter, trees } = this.#parts;
    for (const id of this.#caches.strangers(await trees.listFolders())) await trees.removeFolder(id);
    for (const key of await snapshotter.listActive())
      if (key.startsWith(snapshotPrefix)) await snapshotter.remove(key);
    await this.#journal.recover();
    this.#cache.sweep();
  }

  async build(request: BuildRequest): Promise<Image> {
    refuseUnhonoured(request);
    const tags = request.tags.map((tag) => formatReference(parseReference(tag)));
    const abort = new AbortController();
    const id = request.id === undefined || request.id === '' ? newId() : request.id;
    this.#running.set(id, abort);
    try {
      const signal = AbortSignal.any([request.signal, abort.signal]);
      const vertices = new Vertices(newId(), request.onVertex, this.#parts.clock);
      const image = await this.#buildWith({ ...request, signal }, abort, vertices);
      await vertices.add('exporting to image').run(() => this.#name(image, tags));
      return this.#parts.images.get(image.id);
    } finally {
      if (this.#running.get(id) === abort) this.#running.delete(id);
    }
  }

  async #name(image: Image, tags: string[]): Promise<void> {
    for (const tag of tags) await this.#parts.images.tag(image.id, tag);
  }

  cancel(id: string): void {
    this.#running.get(id)?.abort(invalid('build-cancelled', `the build ${id} was cancelled`));
  }

  cacheEntries(): CacheEntry[] {
    return [...this.#cache.entries(), ...this.#caches.entries()];
  }

  async prune(
    accepts: (entry: CacheEntry) => boolean = () => true,
    limits: PruneLimits = { reservedBytes: 0 },
  ): Promise<{ removed: string[]; reclaimed: number }> {
    const { images, events } = this.#parts;
    const before = this.#storedBytes();
    const removed: string[] = [];
    let freed = 0;
    const mayGo = (entry: CacheEntry): boolean => !entry.inUse && accepts(entry);
    for (const { id, kind, imageId } of entriesToPrune(this.cacheEntries(), mayGo, limits)) {
      if (kind === 'exec.cachemount') {
        freed += await this.#caches.drop(id);
        removed.push(id);
        continue;
      }
      this.#cache.drop(imageId);
      const image = images.find(imageId);
      if (image === undefined || image.tags.length > 0 || this.#hasChildren(image)) continue;
      try {
        const report = await images.remove(imageId, { force: false, prune: false });
        removed.push(...report.flatMap((line) => ('Deleted' in line ? [line.Deleted] : [])));
      } catch (error) {
        // A container or another image uses it.
        if (!isKind(error, 'conflict')) throw error;
      }
    }
    const reclaimed = freed + Math.max(0, before - this.#storedBytes());
    events.emit('builder', 'prune', '', { reclaimed: String(reclaimed) });
    return { removed, reclaimed };
  }

  #hasChildren(image: Image): boolean {
    return this.#parts.images.list().some((other) => other.parent === image.id);
  }

  #storedBytes(): number {
    const layers = new Map(
      this.#parts.images
        .list()
        .flatMap((image) => image.layers.map((layer) => [layer.digest, layer.size] as const)),
    );
    return [...layers.values()].reduce((sum, size) => sum + size, 0);
  }

  async #buildWith(request: BuildRequest, abort: AbortController, vertices: Vertices): Promise<Image> {
    const parts = this.#parts;
    const folders = new BuildFolders(parts.trees, newId());
    const lease = parts.images.lease();
    try {
      const loading = vertices.add('[internal] load build context');
      const context = await loading.run(() => openContext(parts.trees, folders, request));
      const plan = this.#plan(request, context.dockerfile);
      const { signal } = request;
      const run = new BuildRun({
        folders,
        parts,
        request,
        plan,
        context,
        lease,
        signal,
        journal: this.#journal,
        exits: this.#exits,
        cache: this.#cache,
        caches: this.#caches,
        vertices,
        inFlight: this.#inFlight,
      });
      await this.#tellWarnings(request, plan, context, loading.digest);
      await vertices.enter(plan);
      return await runStages(run, abort);
    } finally {
      await lease.close();
      await folders.close();
    }
  }

  /** @throws invalid `dockerfile-check-failed` where the file asks for it */
  async #tellWarnings(
    { buildArgs, target, platform, onVertex }: BuildRequest,
    plan: BuildPlan,
    { ignore }: BuildContext,
    vertex: string,
  ): Promise<void> {
    const warnings = this.#dockerfiles.checkBuild(plan, {
      args: givenArguments(buildArgs),
      ignore,
      ...(target === undefined ? {} : { target }),
      ...(platform === undefined ? {} : { platform }),
    });
    for (const warning of warnings) await onVertex?.({ kind: 'warning', vertex, warning });
  }

  #plan(request: BuildRequest, dockerfile: { name: string; text: string }): BuildPlan {
    const machine = machinePlatform(this.#parts);
    const { target, labels, platform, contexts = {} } = request;
    return planBuild(parseDockerfile(dockerfile.text, dockerfile.name), {
      args: givenArguments(request.buildArgs),
      ...{ labels, machine, contexts: Object.keys(contexts) },
      platform: platform === undefined || platform === '' ? machine : platform,
      ...(target === undefined ? {} : { target }),
    });
  }
}

function givenArguments(buildArgs: BuildRequest['buildArgs']): Record<string, string> {
  const given = Object.entries(buildArgs).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return Object.fromEntries(given);
}

/** Runs the graph: all stages begin at once, and wait where they use what another makes. One failure stops all. */
async function runStages(run: BuildRun, abort: AbortController): Promise<Image> {
  const { stages, unused } = run.plan;
  const output = new OrderedOutput(run.request.onProgress, stages.length, run.request.onVertex !== undefined);
  let firstStep = await announceGlobals(run, output.sink(0));
  const runs = stages.map((stage, lane) => {
    const start = firstStep;
    firstStep += 1 + stage.instructions.length;
    const result = runStage(run, stage, output.sink(lane), start).finally(() => output.end(lane));
    run.enter(stage.index, result);
    return result.catch((error: unknown) => {
      // From now on the others fail with the same error.
      abort.abort(error);
      throw error;
    });
  });
  await Promise.allSettled(runs);
  const image = (await Promise.all(runs)).at(-1);
  if (image === undefined) throw noImage();
  if (unused.length > 0)
    await say(
      output.sink(stages.length - 1),
      `[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`,
    );
  return image;
}

/** The ARGs before the first FROM count as steps. Gives how many there are. */
async function announceGlobals(run: BuildRun, sink: Sink): Promise<number> {
  const { globals } = run.plan.file;
  for (const [index, { text }] of globals.entries())
    await say(sink, `Step ${index + 1}/${run.steps} : ${text}\n`);
  return globals.length;
}

async function runStage(
  run: BuildRun,
  stage: PlannedStage,
  sink: Sink,
  firstStep: number,
): Promise<Image | undefined> {
  if (stage.base.kind === 'stage') await run.settled([stage.base.index]);
  run.signal.throwIfAborted();
  await say(sink, `Step ${firstStep + 1}/${run.steps} : ${stage.from.text}\n`);
  const base = await run.base(stage, sink);
  return new StageRun(run, stage, sink, base, firstStep + 1).finish();
}
