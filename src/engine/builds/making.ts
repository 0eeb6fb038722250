import { alikeSteps } from '#domain/build/alike.ts';
import { givenArguments } from '#domain/build/arguments.ts';
import { planBuild, type BuildPlan } from '#domain/build/plan.ts';
import { checkFrontend } from '#domain/dockerfile/frontend.ts';
import { parseDockerfile } from '#domain/dockerfile/parse.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildRequest, Lease } from '#engine/contracts.ts';
import { AlikeVertices } from '#engine/builds/alike-vertices.ts';
import { BuildFolders } from '#engine/builds/build-folders.ts';
import { BuildRun, type EngineParts, type SharedParts } from '#engine/builds/build-run.ts';
import type { BuildResult } from '#engine/builds/cache-export.ts';
import { ImportedCaches } from '#engine/builds/cache-import.ts';
import { openContext, type BuildContext } from '#engine/builds/context.ts';
import { questionOf, type Dockerfiles } from '#engine/builds/dockerfiles.ts';
import { runStages } from '#engine/builds/graph.ts';
import { machinePlatform } from '#engine/builds/image-sources.ts';
import { KeptSteps } from '#engine/builds/kept-steps.ts';
import { NamedContexts } from '#engine/builds/named-contexts.ts';
import { severalPlatforms } from '#engine/builds/platforms.ts';
import { Vertices } from '#engine/builds/vertices.ts';
import { newId } from '#base/ids.ts';

/** Tells of each image as soon as it is there. */
type OnMade = (result: BuildResult) => void;

/**
 * Makes what one request asks for, an image for each of its platforms, all at once: contexts, caches and bases are fetched once, steps
 * that are alike are made and told once. One failure stops all.
 */
export class Making {
  readonly #engine: EngineParts;
  readonly #dockerfiles: Dockerfiles;
  readonly #request: BuildRequest;
  readonly #abort = new AbortController();
  readonly #folders: BuildFolders;
  readonly #lease: Lease;
  readonly #started: string;

  constructor(engine: EngineParts, dockerfiles: Dockerfiles, request: BuildRequest) {
    this.#engine = engine;
    this.#dockerfiles = dockerfiles;
    this.#request = { ...request, signal: AbortSignal.any([request.signal, this.#abort.signal]) };
    this.#folders = new BuildFolders(engine.parts.trees, newId());
    this.#lease = engine.parts.images.lease();
    this.#started = engine.parts.clock.timestamp();
  }

  /** In the order of the platforms. To be called once. @throws as Builds.build */
  async make(onMade: OnMade): Promise<BuildResult[]> {
    let looking: Promise<void> | undefined;
    try {
      const results = await this.#make(onMade);
      looking = this.#request.onReceived?.(this.#folders.received);
      return results;
    } finally {
      await this.#lease.close();
      await this.#folders.closeAfter(looking, this.#engine.parts.report);
    }
  }

  async #make(onMade: OnMade): Promise<BuildResult[]> {
    const request = this.#request;
    const common = this.#vertices();
    const loading = common.add('[internal] load build context');
    const context = await loading.run(() => openContext(this.#engine.parts, this.#folders, request));
    // The classic builder looks at no frontend.
    if (request.onVertex !== undefined)
      checkFrontend(context.dockerfile, request.buildArgs['BUILDKIT_SYNTAX'] ?? undefined);
    const platforms = severalPlatforms(request);
    const requests = platforms?.map((platform) => ({ ...request, platform })) ?? [request];
    const planned = requests.map((each) => ({ request: each, plan: this.#plan(each, context.dockerfile) }));
    const plans = planned.map(({ plan }) => plan);
    const imported = await ImportedCaches.open(this.#engine.parts, request, common);
    const shared = { ...this.#shared(context), plans, imported };
    await this.#tellWarnings(planned[0], context, loading.digest);
    const alike = new AlikeVertices(platforms === undefined ? new Map() : alikeSteps(plans));
    const entered = [];
    for (const each of planned) {
      const vertices = this.#vertices(alike);
      await vertices.enter(each.plan, platforms && each.request.platform);
      entered.push({ ...each, vertices });
    }
    const runs = entered.map((each) => this.#run(shared, each, onMade));
    await Promise.allSettled(runs);
    // What failed first says why, whatever the others then failed with.
    this.#abort.signal.throwIfAborted();
    return Promise.all(runs);
  }

  #vertices(alike?: AlikeVertices): Vertices {
    const { onVertex, signal } = this.#request;
    return new Vertices({ emit: onVertex, clock: this.#engine.parts.clock, signal }, alike);
  }

  #shared(context: BuildContext): Omit<SharedParts, 'plans' | 'imported'> {
    const { signal, contexts } = this.#request;
    const named = new NamedContexts(this.#engine.parts, { folders: this.#folders, signal }, contexts);
    return { context, named, lease: this.#lease, pulls: new Map(), made: new Set(), signal };
  }

  async #run(
    shared: SharedParts,
    { request: asked, plan, vertices }: { request: BuildRequest; plan: BuildPlan; vertices: Vertices },
    onMade: OnMade,
  ): Promise<BuildResult> {
    const sources = new Map<string, Image>();
    const onSource = (reference: string, image: Image): void => {
      sources.set(reference, image);
      asked.onSource?.(reference, image);
    };
    const folders = new BuildFolders(this.#engine.parts.trees, newId());
    const steps = new KeptSteps();
    try {
      const own = { request: { ...asked, onSource }, plan, vertices, folders, steps };
      const image = await runStages(new BuildRun({ ...this.#engine, ...shared, ...own }), this.#abort);
      const { dockerfile } = shared.context;
      const result = { image, plan, steps, origin: { dockerfile, sources, started: this.#started } };
      onMade(result);
      return result;
    } finally {
      await folders.close();
    }
  }

  /** Of the first platform: the others would say the same again. @throws invalid `dockerfile-check-failed` where the file asks for it */
  async #tellWarnings(
    planned: { request: BuildRequest; plan: BuildPlan } | undefined,
    { ignore }: BuildContext,
    vertex: string,
  ): Promise<void> {
    if (planned === undefined) return;
    const { request, plan } = planned;
    const warnings = this.#dockerfiles.checkBuild(plan, { ...questionOf(request), ignore });
    for (const warning of warnings) await request.onVertex?.({ kind: 'warning', vertex, warning });
  }

  #plan(request: BuildRequest, dockerfile: { name: string; text: string }): BuildPlan {
    const machine = machinePlatform(this.#engine.parts);
    const { target, labels, platform, contexts = {} } = request;
    return planBuild(parseDockerfile(dockerfile.text, dockerfile.name), {
      args: givenArguments(request.buildArgs),
      ...{ labels, machine, contexts: Object.keys(contexts) },
      platform: platform === undefined || platform === '' ? machine : platform,
      ...(target === undefined ? {} : { target }),
    });
  }
}
