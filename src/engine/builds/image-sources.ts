import type { BuildPlan } from '#domain/build/plan.ts';
import { nearStage } from '#domain/build/plan.ts';
import type { Written } from '#domain/dockerfile/instruction.ts';
import { mistake } from '#domain/dockerfile/source.ts';
import type { Image } from '#domain/image/image.ts';
import { parseReference } from '#domain/image/reference.ts';
import type { BuildRequest } from '#engine/contracts.ts';
import { credentialsFor } from '#engine/builds/credentials.ts';
import type { Sink } from '#engine/builds/output.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import { BerthError, messageOf, unavailable } from '#base/errors.ts';

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/** `linux/amd64`: of this machine. */
export function machinePlatform(parts: Pick<BuildParts, 'host'>): string {
  const { architecture } = parts.host.facts;
  return `linux/${architectures[architecture] ?? architecture}`;
}

/** The images that the stages of a build begin with or copy from: those that are here, and those that are pulled, once each. */
export class ImageSources {
  readonly #parts: Pick<BuildParts, 'images' | 'host'>;
  readonly #request: BuildRequest;
  readonly #plan: BuildPlan;
  readonly #signal: AbortSignal;
  readonly #pulls: Map<string, Promise<Image>>;

  constructor(run: {
    parts: Pick<BuildParts, 'images' | 'host'>;
    request: BuildRequest;
    plan: BuildPlan;
    signal: AbortSignal;
    /** Of the builds for other platforms, too. */
    pulls: Map<string, Promise<Image>>;
  }) {
    this.#pulls = run.pulls;
    this.#parts = run.parts;
    this.#request = run.request;
    this.#plan = run.plan;
    this.#signal = run.signal;
  }

  /** What `--from` names. @throws as `find`, in the words of the flag */
  async copied(reference: string, written: Written, sink: Sink): Promise<Image> {
    try {
      return await this.find(reference, written, undefined, sink);
    } catch (error) {
      if (!(error instanceof BerthError) || error.code === 'dockerfile-invalid') throw error;
      const message = `invalid from flag value ${reference}: ${error.message}`;
      throw new BerthError(error.kind, error.code, message, { cause: error });
    }
  }

  /** @throws as Images.pull; invalid `dockerfile-invalid` where the name is near that of a stage */
  async find(reference: string, written: Written, platform: string | undefined, sink: Sink): Promise<Image> {
    const image = await this.#obtain(reference, written, platform, sink);
    this.#request.onSource?.(reference, image);
    return image;
  }

  async #obtain(
    reference: string,
    written: Written,
    platform: string | undefined,
    sink: Sink,
  ): Promise<Image> {
    const wanted = platform ?? this.#request.platform ?? '';
    // What is named by its id is here or nowhere.
    const isPulled = this.#request.pull === true && !reference.startsWith('sha256:');
    const here = isPulled ? undefined : this.#parts.images.find(reference, wanted);
    if (here !== undefined) return here;
    const key = `${reference} ${wanted}`;
    const pull = this.#pulls.get(key) ?? this.#pull(reference, platform, sink);
    this.#pulls.set(key, pull);
    try {
      return await pull;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw this.#missing(reference, written, error);
    }
  }

  async #pull(reference: string, platform: string | undefined, sink: Sink): Promise<Image> {
    const { registry } = parseReference(reference);
    const auth = await credentialsFor(this.#request, registry);
    const wanted = platform ?? this.#request.platform;
    return this.#parts.images.pull(reference, {
      ...(auth === undefined ? {} : { auth }),
      ...(wanted === undefined || wanted === '' ? {} : { platform: wanted }),
      onProgress: (progress) => void sink.write(progress),
      signal: this.#signal,
    });
  }

  #missing(reference: string, written: Written, error: unknown): BerthError {
    if (error instanceof BerthError && error.code === 'dockerfile-invalid') return error;
    const near = nearStage(this.#plan.file, reference);
    const { file } = this.#plan;
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
