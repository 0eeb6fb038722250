import type { Image } from '#domain/image/image.ts';
import { newName, parseReference } from '#domain/image/reference.ts';
import { entriesToPrune, type CacheEntry, type PruneLimits } from '#domain/build/cache-prune.ts';
import { planBuild, type BuildPlan } from '#domain/build/plan.ts';
import { checkFrontend } from '#domain/dockerfile/frontend.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { CheckResult } from '#domain/dockerfile/checks/check.ts';
import type { Outline, Target } from '#domain/dockerfile/outline.ts';
import type {
  BuildRequest,
  Builds as BuildsContract,
  DockerfileAnswer,
  Verification,
} from '#engine/contracts.ts';
import { checkAttestations, predicatesOf } from '#engine/builds/attesting.ts';
import { BuildRun } from '#engine/builds/build-run.ts';
import { BuildFolders } from '#engine/builds/build-folders.ts';
import { BuildCache } from '#engine/builds/cache.ts';
import { exportCaches, withInlineCache, type BuildResult } from '#engine/builds/cache-export.ts';
import { ImportedCaches } from '#engine/builds/cache-import.ts';
import { CacheMounts } from '#engine/builds/cache-mounts.ts';
import { openContext, type BuildContext } from '#engine/builds/context.ts';
import { Dockerfiles, type DockerfileQuestion } from '#engine/builds/dockerfiles.ts';
import { runStages } from '#engine/builds/graph.ts';
import { withHostSsh } from '#engine/builds/host-ssh.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import { KeptSteps } from '#engine/builds/kept-steps.ts';
import { LayerJournal } from '#engine/builds/journal.ts';
import { snapshotPrefix, type BuildParts } from '#engine/builds/parts.ts';
import type { MadeImage } from '#engine/builds/export.ts';
import { checkPlatforms, forOnePlatform, severalPlatforms } from '#engine/builds/platforms.ts';
import { writeOutputs } from '#engine/builds/outputs.ts';
import { pruneCache } from '#engine/builds/pruning.ts';
import { Vertices } from '#engine/builds/vertices.ts';
import { StepsInFlight } from '#engine/builds/steps-in-flight.ts';
import { StepExits } from '#engine/builds/step-exits.ts';
import { verifyBuild } from '#engine/builds/verification.ts';
import { newId } from '#base/ids.ts';
import { invalid } from '#base/errors.ts';

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
  /** Of builds for several platforms: nameless until all are there. */
  readonly #undelivered = new Set<BuildResult[]>();

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
    const { snapshotter, trees, images } = this.#parts;
    images.usedBy((id) => (this.#isUndelivered(id) ? [{ holder: 'a build for several platforms' }] : []));
    for (const id of this.#caches.strangers(await trees.listFolders())) await trees.removeFolder(id);
    for (const key of await snapshotter.listActive())
      if (key.startsWith(snapshotPrefix)) await snapshotter.remove(key);
    await this.#journal.recover();
    this.#cache.sweep();
  }

  async build(request: BuildRequest): Promise<Image> {
    const platforms = severalPlatforms(request);
    if (platforms !== undefined) return this.#buildFor(platforms, request);
    const one = forOnePlatform(request);
    const vertices = this.#vertices(one);
    return this.#deliver(one, [await this.#make(one, vertices)], vertices);
  }

  /** One after the other. */
  async #buildFor(platforms: string[], request: BuildRequest): Promise<Image> {
    checkPlatforms(request);
    const results: BuildResult[] = [];
    this.#undelivered.add(results);
    try {
      for (const platform of platforms)
        results.push(await this.#make({ ...request, platform }, this.#vertices(request)));
      return await this.#deliver(request, results, this.#vertices(request));
    } finally {
      this.#undelivered.delete(results);
    }
  }

  #isUndelivered(imageId: string): boolean {
    return [...this.#undelivered].some((results) => results.some(({ image }) => image.id === imageId));
  }

  async verify(asked: BuildRequest): Promise<Verification> {
    const request = forOnePlatform(asked);
    let last: BuildResult | undefined;
    const verification = await verifyBuild(this.#parts, request, async (each) => {
      last = await this.#make(each, this.#vertices(request));
      return last.image;
    });
    if (verification.difference !== undefined || last === undefined) return verification;
    return { ...verification, image: await this.#deliver(request, [last], this.#vertices(request)) };
  }

  check(request: BuildRequest): Promise<DockerfileAnswer<CheckResult>> {
    return this.#ask(request, (question) => this.#dockerfiles.check(question));
  }

  outline(request: BuildRequest): Promise<DockerfileAnswer<Outline>> {
    return this.#ask(request, (question) => this.#dockerfiles.outline(question));
  }

  targets(request: BuildRequest): Promise<DockerfileAnswer<Target[]>> {
    return this.#ask(request, (question) => this.#dockerfiles.targets(question));
  }

  async #ask<T>(
    request: BuildRequest,
    answer: (question: DockerfileQuestion) => T,
  ): Promise<DockerfileAnswer<T>> {
    const { trees } = this.#parts;
    const folders = new BuildFolders(trees, newId());
    try {
      const { dockerfile, ignore } = await openContext(this.#parts, folders, request);
      checkFrontend(dockerfile, request.buildArgs['BUILDKIT_SYNTAX'] ?? undefined);
      const contexts = Object.keys(request.contexts ?? {});
      return {
        file: dockerfile,
        answer: answer({ ...dockerfile, ...questionOf(request), contexts, ignore }),
      };
    } finally {
      await folders.close();
    }
  }

  #vertices({ onVertex }: BuildRequest): Vertices {
    return new Vertices(newId(), onVertex, this.#parts.clock);
  }

  async #make(request: BuildRequest, vertices: Vertices): Promise<BuildResult> {
    const { sshSources } = request;
    if (sshSources === undefined) return this.#makeWith(request, vertices);
    return withHostSsh(this.#parts.hostAgents, sshSources, (ssh) =>
      this.#makeWith({ ...request, ssh }, vertices),
    );
  }

  async #makeWith(request: BuildRequest, vertices: Vertices): Promise<BuildResult> {
    checkAttestations(request);
    for (const name of namesIn(request)) checkTag(name);
    const abort = new AbortController();
    const id = request.id === undefined || request.id === '' ? newId() : request.id;
    this.#running.set(id, abort);
    try {
      const signal = AbortSignal.any([request.signal, abort.signal]);
      return await this.#buildWith({ ...request, signal }, abort, vertices);
    } finally {
      if (this.#running.get(id) === abort) this.#running.delete(id);
    }
  }

  /** Names what was built, for each platform one, and brings it where it is wanted. */
  async #deliver(request: BuildRequest, results: BuildResult[], vertices: Vertices): Promise<Image> {
    const parts = this.#parts;
    const made: MadeImage[] = [];
    for (const result of results) {
      const image = await withInlineCache(parts, request, result);
      made.push({ image, predicates: await predicatesOf(parts, request, { ...result, image }, vertices) });
    }
    const image = await writeOutputs(parts, request, made, vertices);
    await exportCaches(parts, request, results, vertices);
    return image;
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
    const mayGo = (entry: CacheEntry): boolean => !entry.inUse && accepts(entry);
    const { free } = await this.#parts.space.measure();
    const chosen = entriesToPrune(this.cacheEntries(), mayGo, limits, free);
    return pruneCache(this.#parts, { cache: this.#cache, caches: this.#caches }, chosen);
  }

  async #buildWith(asked: BuildRequest, abort: AbortController, vertices: Vertices): Promise<BuildResult> {
    const parts = this.#parts;
    const started = parts.clock.timestamp();
    const sources = new Map<string, Image>();
    const onSource = (reference: string, image: Image): void => {
      sources.set(reference, image);
      asked.onSource?.(reference, image);
    };
    const request = { ...asked, onSource };
    const folders = new BuildFolders(parts.trees, newId());
    const lease = parts.images.lease();
    let looking: Promise<void> | undefined;
    try {
      const loading = vertices.add('[internal] load build context');
      const context = await loading.run(() => openContext(parts, folders, request));
      // The classic builder looks at no frontend.
      if (request.onVertex !== undefined)
        checkFrontend(context.dockerfile, request.buildArgs['BUILDKIT_SYNTAX'] ?? undefined);
      const plan = this.#plan(request, context.dockerfile);
      const { signal } = request;
      const steps = new KeptSteps();
      const imported = await ImportedCaches.open(parts, request, vertices);
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
        ...{ imported, steps },
        vertices,
        inFlight: this.#inFlight,
      });
      await this.#tellWarnings(request, plan, context, loading.digest);
      await vertices.enter(plan, severalPlatforms(request) && request.platform);
      const image = await runStages(run, abort);
      looking = request.onReceived?.(folders.received);
      return { image, plan, steps, origin: { dockerfile: context.dockerfile, sources, started } };
    } finally {
      await lease.close();
      await folders.closeAfter(looking, parts.report);
    }
  }

  /** @throws invalid `dockerfile-check-failed` where the file asks for it */
  async #tellWarnings(
    request: BuildRequest,
    plan: BuildPlan,
    { ignore }: BuildContext,
    vertex: string,
  ): Promise<void> {
    const warnings = this.#dockerfiles.checkBuild(plan, { ...questionOf(request), ignore });
    for (const warning of warnings) await request.onVertex?.({ kind: 'warning', vertex, warning });
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

/** What the image is to be called here. */
function namesIn({ tags, outputs = [] }: BuildRequest): string[] {
  return [...tags, ...outputs.flatMap((output) => (output.kind === 'image' ? output.names : []))];
}

/** @throws invalid `reference-invalid` */
function checkTag(tag: string): void {
  if (parseReference(tag).digest !== undefined)
    throw invalid('reference-invalid', 'build tag cannot contain a digest');
  newName(tag);
}

function questionOf({ buildArgs, target, platform }: BuildRequest): Omit<DockerfileQuestion, 'text'> {
  return {
    args: givenArguments(buildArgs),
    ...(target === undefined ? {} : { target }),
    ...(platform === undefined ? {} : { platform }),
  };
}

function givenArguments(buildArgs: BuildRequest['buildArgs']): Record<string, string> {
  const given = Object.entries(buildArgs).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return Object.fromEntries(given);
}
