import type { Image } from '#domain/image/image.ts';
import { newName, parseReference } from '#domain/image/reference.ts';
import { entriesToPrune, type CacheEntry, type PruneLimits } from '#domain/build/cache-prune.ts';
import { checkFrontend } from '#domain/dockerfile/frontend.ts';
import type { CheckResult } from '#domain/dockerfile/checks/check.ts';
import type { Outline, Target } from '#domain/dockerfile/outline.ts';
import type {
  BuildRequest,
  Builds as BuildsContract,
  DockerfileAnswer,
  Verification,
} from '#engine/contracts.ts';
import { checkAttestations, predicatesOf } from '#engine/builds/attesting.ts';
import type { EngineParts } from '#engine/builds/build-run.ts';
import { BuildFolders } from '#engine/builds/build-folders.ts';
import { BuildCache } from '#engine/builds/cache.ts';
import { exportCaches, withInlineCache, type BuildResult } from '#engine/builds/cache-export.ts';
import { CacheMounts } from '#engine/builds/cache-mounts.ts';
import { openContext } from '#engine/builds/context.ts';
import { Dockerfiles, questionOf, type DockerfileQuestion } from '#engine/builds/dockerfiles.ts';
import { noImage } from '#engine/builds/failures.ts';
import { withHostSsh } from '#engine/builds/host-ssh.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import { LayerJournal } from '#engine/builds/journal.ts';
import { Making } from '#engine/builds/making.ts';
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
  readonly #engine: EngineParts;
  readonly #running = new Map<string, AbortController>();
  /** Of builds for several platforms: nameless until all are there. */
  readonly #undelivered = new Set<BuildResult[]>();

  constructor(parts: BuildParts) {
    this.#parts = parts;
    this.#dockerfiles = new Dockerfiles((name) => parts.images.find(name), machinePlatform(parts));
    this.#engine = {
      parts,
      cache: new BuildCache(parts.store, parts.images, parts.clock),
      caches: new CacheMounts(parts.store, parts),
      exits: new StepExits(parts.runtime),
      journal: new LayerJournal(parts.store, parts),
      inFlight: new StepsInFlight(),
    };
  }

  /** Removes what builds left that a crash cut off; to be called before the first build, after Images.start. */
  async start(): Promise<void> {
    const { snapshotter, trees, images } = this.#parts;
    images.usedBy((id) => (this.#isUndelivered(id) ? [{ holder: 'a build for several platforms' }] : []));
    for (const id of this.#engine.caches.strangers(await trees.listFolders())) await trees.removeFolder(id);
    for (const key of await snapshotter.listActive())
      if (key.startsWith(snapshotPrefix)) await snapshotter.remove(key);
    await this.#engine.journal.recover();
    this.#engine.cache.sweep();
  }

  async build(asked: BuildRequest): Promise<Image> {
    if (severalPlatforms(asked) !== undefined) return this.#buildForSeveral(asked);
    return this.#cancellable(forOnePlatform(asked), async (request) =>
      this.#deliver(request, await this.#make(request)),
    );
  }

  async #buildForSeveral(asked: BuildRequest): Promise<Image> {
    checkPlatforms(asked);
    const made: BuildResult[] = [];
    this.#undelivered.add(made);
    try {
      return await this.#cancellable(asked, async (request) => {
        const results = await this.#make(request, (result) => made.push(result));
        return this.#deliver(request, results);
      });
    } finally {
      this.#undelivered.delete(made);
    }
  }

  #isUndelivered(imageId: string): boolean {
    return [...this.#undelivered].some((results) => results.some(({ image }) => image.id === imageId));
  }

  async verify(asked: BuildRequest): Promise<Verification> {
    return this.#cancellable(forOnePlatform(asked), async (request) => {
      let last: BuildResult | undefined;
      const verification = await verifyBuild(this.#parts, request, async (each) => {
        const [result] = await this.#make(each);
        if (result === undefined) throw noImage();
        last = result;
        return result.image;
      });
      if (verification.difference !== undefined || last === undefined) return verification;
      return { ...verification, image: await this.#deliver(request, [last]) };
    });
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

  /** Until it is done, `cancel` ends it. */
  async #cancellable<T>(asked: BuildRequest, work: (request: BuildRequest) => Promise<T>): Promise<T> {
    checkAttestations(asked);
    for (const name of namesIn(asked)) checkTag(name);
    const abort = new AbortController();
    const id = asked.id === undefined || asked.id === '' ? newId() : asked.id;
    this.#running.set(id, abort);
    try {
      const request = { ...asked, signal: AbortSignal.any([asked.signal, abort.signal]) };
      const { sshSources } = request;
      if (sshSources === undefined) return await work(request);
      return await withHostSsh(this.#parts.hostAgents, sshSources, (ssh) => work({ ...request, ssh }));
    } finally {
      if (this.#running.get(id) === abort) this.#running.delete(id);
    }
  }

  #make(
    request: BuildRequest,
    onMade: (result: BuildResult) => void = () => undefined,
  ): Promise<BuildResult[]> {
    return new Making(this.#engine, this.#dockerfiles, request).make(onMade);
  }

  /** Names what was built, for each platform one, and brings it where it is wanted. */
  async #deliver(request: BuildRequest, results: readonly BuildResult[]): Promise<Image> {
    const parts = this.#parts;
    const vertices = new Vertices({ emit: request.onVertex, clock: parts.clock, signal: request.signal });
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
    return [...this.#engine.cache.entries(), ...this.#engine.caches.entries()];
  }

  async prune(
    accepts: (entry: CacheEntry) => boolean = () => true,
    limits: PruneLimits = { reservedBytes: 0 },
  ): Promise<{ removed: string[]; reclaimed: number }> {
    const mayGo = (entry: CacheEntry): boolean => !entry.inUse && accepts(entry);
    const { free } = await this.#parts.space.measure();
    const chosen = entriesToPrune(this.cacheEntries(), mayGo, limits, free);
    return pruneCache(this.#parts, this.#engine, chosen);
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
