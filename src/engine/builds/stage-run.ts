import { BerthError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import type { Image } from '#domain/image/image.ts';
import type { HistoryEntry } from '#domain/image/manifest.ts';
import { cacheKey } from '#domain/build/cache-key.ts';
import { filesComment, nopComment } from '#domain/build/history.ts';
import { stepBehind } from '#domain/build/image-steps.ts';
import { applyMetadata, isMetadata, shellOf, type Metadata } from '#domain/build/metadata.ts';
import { copyOrigin, fromsOf, type PlannedStage } from '#domain/build/plan.ts';
import { configOf, withConfig, withDefaultPath, withHistory, type StageState } from '#domain/build/state.ts';
import type { Instruction } from '#domain/dockerfile/instruction.ts';
import { parseTrigger, type Dockerfile } from '#domain/dockerfile/parse.ts';
import type { BuildRun } from '#engine/builds/build-run.ts';
import { prepareCopy } from '#engine/builds/copy-instruction.ts';
import { ownerOf } from '#engine/builds/copy-step.ts';
import { located } from '#engine/builds/failures.ts';
import { layerApart } from '#engine/builds/layer-apart.ts';
import { makeLayer, withLayer, type LayerWork, type NewLayer } from '#engine/builds/layering.ts';
import { say, sayImage, sayRemoved, sayRunning, type Sink } from '#engine/builds/output.ts';
import { restored } from '#engine/builds/restoring.ts';
import { prepareRun } from '#engine/builds/run-instruction.ts';
import type { Standing, Step } from '#engine/builds/step.ts';
import type { FileTrees, Owner } from '#ports/file-trees.ts';

/** Runs the instructions of one stage after another, taking from the cache what it can. */
export class StageRun {
  readonly #run: BuildRun;
  readonly #stage: PlannedStage;
  readonly #sink: Sink;
  readonly #file: Dockerfile;
  #state: StageState;
  #image: Image | undefined;
  #stepNumber: number;

  /** `base` is undefined for scratch; `firstStep` counts from 1. */
  constructor(run: BuildRun, stage: PlannedStage, sink: Sink, base: Image | undefined, firstStep: number) {
    this.#run = run;
    this.#stage = stage;
    this.#sink = sink;
    this.#file = run.plan.file;
    this.#image = base;
    this.#state = withDefaultPath({ config: base?.config ?? run.scratch(), args: {}, cmdSet: false });
    this.#stepNumber = firstStep;
  }

  /** Gives the stage's image; undefined for a stage of `FROM scratch` alone. */
  async finish(): Promise<Image | undefined> {
    await this.#triggers();
    await this.#sayImage();
    for (const instruction of this.#stage.instructions) {
      await this.#announce(instruction.text);
      await this.#step(instruction, this.#file);
      await this.#sayImage();
    }
    return this.#image;
  }

  async #sayImage(): Promise<void> {
    if (this.#image !== undefined) await sayImage(this.#sink, this.#image.id);
    else await say(this.#sink, ' ---> \n');
  }

  // What the base's ONBUILD holds runs as a part of FROM.
  async #triggers(): Promise<void> {
    const triggers = configOf(this.#state).OnBuild ?? [];
    if (triggers.length === 0) return;
    await say(
      this.#sink,
      `# Executing ${triggers.length} build trigger${triggers.length === 1 ? '' : 's'}\n`,
    );
    this.#state = withConfig(this.#state, { OnBuild: null });
    for (const trigger of triggers) {
      const instruction = parseTrigger(trigger, `ONBUILD of ${this.#stage.from.image}`);
      const file = {
        ...this.#file,
        source: { name: `ONBUILD of ${this.#stage.from.image}`, lines: [trigger] },
      };
      await this.#run.vertices.addTrigger(this.#stage.index, instruction);
      if (instruction.name === 'ARG') for (const { name } of instruction.args) this.#run.triggered.add(name);
      await this.#step(instruction, file);
    }
  }

  async #announce(text: string): Promise<void> {
    this.#stepNumber++;
    await say(this.#sink, `Step ${this.#stepNumber}/${this.#run.steps} : ${text}\n`);
  }

  async #step(instruction: Instruction, file: Dockerfile): Promise<void> {
    this.#run.signal.throwIfAborted();
    const vertex = this.#run.vertices.of(instruction);
    try {
      await this.#inputs(instruction);
      const work = (): Promise<boolean> => this.#perform(instruction, file);
      if (vertex === undefined) await work();
      else await vertex.run(work, (cached) => cached);
    } catch (error) {
      this.#run.signal.throwIfAborted();
      throw located(file, instruction, error);
    }
  }

  /** Whether the result was there before. */
  async #perform(instruction: Instruction, file: Dockerfile): Promise<boolean> {
    await this.#tellReplaced(instruction);
    const step = await this.#prepare(instruction, file);
    const { image, cached } = await this.#result(step);
    this.#image = image;
    this.#state = { ...step.state, config: image.config };
    return cached;
  }

  async #result(step: Step): Promise<{ image: Image; cached: boolean }> {
    const known = await this.#fromCache(step);
    if (known !== undefined) return { image: known, cached: true };
    const end = await this.#run.inFlight.begin(step.keys.at(-1) ?? '', this.#run.signal);
    try {
      // Another build may have made it meanwhile.
      const image = await this.#fromCache(step);
      if (image !== undefined) return { image, cached: true };
      const made = await this.#make(step);
      for (const key of step.keys) this.#run.made.add(key);
      return { image: made, cached: false };
    } finally {
      end();
    }
  }

  async #tellReplaced({ name }: Instruction): Promise<void> {
    const test = configOf(this.#state).Healthcheck?.Test ?? [];
    if (name !== 'HEALTHCHECK' || test.length === 0 || test[0] === 'NONE') return;
    await say(this.#sink, `Note: overriding previous HEALTHCHECK: [${test.join(' ')}]\n`);
  }

  /** Waits for the stages whose files an instruction takes. */
  #inputs(instruction: Instruction): Promise<void> {
    const { plan } = this.#run;
    const origins = fromsOf(instruction).map((from) =>
      copyOrigin(plan.file, instruction, from, this.#stage.index, this.#stage.contexts),
    );
    return this.#run.settled(origins.flatMap((origin) => (origin.kind === 'stage' ? [origin.index] : [])));
  }

  async #prepare(instruction: Instruction, file: Dockerfile): Promise<Step> {
    if (instruction.name === 'RUN') return prepareRun(this.#standing(), instruction, file);
    if (!isMetadata(instruction)) return prepareCopy(this.#standing(), instruction, file);
    return this.#prepareMetadata(instruction, file);
  }

  #prepareMetadata(instruction: Metadata, file: Dockerfile): Step {
    const { state, comment } = applyMetadata(file, instruction, this.#state, this.#run.arguments);
    // SHELL itself is told with the shell that it sets.
    const shell = shellOf(configOf(state));
    if (instruction.name !== 'WORKDIR') return this.#plain(state, nopComment(shell, comment));
    const folder = configOf(state).WorkingDir ?? '/';
    const { trees } = this.#run.parts;
    const user = configOf(state).User ?? '';
    return {
      ...this.#plain(state, filesComment(shell, comment)),
      work: {
        by: 'daemon',
        do: async (root) => trees.makeFolder({ root, path: folder }, await folderOwner(trees, user, root)),
      },
    };
  }

  #plain(state: StageState, comment: string): Step {
    return { state, comment, keys: [this.#key(['metadata', comment])], container: newId() };
  }

  #standing(): Standing {
    const { index } = this.#stage;
    return {
      ...{ run: this.#run, stage: index, state: this.#state, sink: this.#sink, image: this.#image },
      key: (parts) => this.#key(parts),
      cached: (keys) => this.#cached(keys),
    };
  }

  #key(parts: string[]): string {
    return cacheKey(this.#image?.id ?? `scratch ${this.#run.platform}`, [...this.#run.stamp, ...parts]);
  }

  async #cached(keys: string[]): Promise<Image | undefined> {
    const isUncached = this.#run.isUncached(this.#stage);
    for (const key of keys) {
      const image = isUncached && !this.#run.made.has(key) ? undefined : this.#run.cache.find(key);
      if (image !== undefined) return image;
    }
    if (isUncached) return undefined;
    for (const key of keys) {
      const image = await restored(this.#run, key, this.#image);
      if (image !== undefined) return image;
    }
    return undefined;
  }

  async #fromCache(step: Step): Promise<Image | undefined> {
    const image = (await this.#cached(step.keys)) ?? (await this.#fromImages(step));
    if (image === undefined) return undefined;
    await this.#run.holdImage(image);
    await say(this.#sink, ' ---> Using cache\n');
    this.#remember(step, image);
    return image;
  }

  /** What an image that the client named has as its next step. */
  async #fromImages(step: Step): Promise<Image | undefined> {
    const { parts, request } = this.#run;
    if (this.#run.isUncached(this.#stage)) return undefined;
    for (const name of request.cacheImages ?? []) {
      const source = parts.images.find(name);
      const found = source === undefined ? undefined : stepBehind(source, this.#image, step.comment);
      if (source === undefined || found === undefined) continue;
      await this.#run.holdImage(source);
      const { layer } = found;
      const sizes = layer === undefined ? [] : await parts.snapshotter.listCommitted();
      const size = sizes.find(({ chainId }) => chainId === layer?.chainId)?.size ?? 0;
      return this.#store(step, layer === undefined ? undefined : { ...layer, size });
    }
    return undefined;
  }

  async #make(step: Step): Promise<Image> {
    const { journal } = this.#run;
    const { container } = step;
    if (container !== undefined) await sayRunning(this.#sink, container);
    const layer = step.work === undefined ? undefined : await this.#layer(step.work);
    const image = await this.#store(step, layer);
    if (layer !== undefined) journal.settle(layer.diffId, layer.chainId);
    this.#remember(step, image);
    if (container !== undefined) await sayRemoved(this.#sink, container);
    return image;
  }

  #layer(work: LayerWork): Promise<NewLayer | undefined> {
    const { parts } = this.#run;
    if (work.apart !== undefined) return layerApart(this.#run, this.#image, work, work.apart);
    return makeLayer(parts, this.#run, this.#image, work);
  }

  #remember(step: Step, image: Image): void {
    for (const key of step.keys) {
      this.#run.cache.put(key, image);
      this.#run.kept.add(key, image, this.#stage.index);
    }
  }

  async #store(step: Step, layer: NewLayer | undefined): Promise<Image> {
    const { parts } = this.#run;
    const entry: HistoryEntry = { created: this.#run.timestamp(), created_by: step.comment };
    if (layer === undefined) entry.empty_layer = true;
    const parent = this.#image;
    return parts.images.store({
      config: withLayer(withHistory(step.state, entry).config, layer),
      layers: [...(parent?.layers ?? []), ...(layer === undefined ? [] : [layer.descriptor])],
      tags: [],
      size: (parent?.size ?? 0) + (layer?.size ?? 0),
      ...(parent === undefined ? {} : { parent: parent.id }),
    });
  }
}

/** USER's, or root's where the image has no such user, as in BuildKit; the classic builder of Docker always gives it to root. */
async function folderOwner(trees: FileTrees, user: string, root: string): Promise<Owner> {
  try {
    return await ownerOf(trees, user === '' ? {} : { chown: user }, root);
  } catch (error) {
    if (error instanceof BerthError && error.code === 'owner-unknown') return { uid: 0, gid: 0 };
    throw error;
  }
}
