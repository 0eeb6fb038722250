import type { Annotation } from '#domain/build/annotations.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildContextSource, BuildOutput, BuildRequest, FrontendInput } from '#engine/contracts.ts';
import { annotationsOf, outputsOf } from '#engine/solves/exporters.ts';
import type { ImageSource } from '#engine/solves/inputs.ts';
import type { Job, Result } from '#engine/solves/job.ts';
import type { SolveParts } from '#engine/solves/solves.ts';
import type { BuildSession } from '#ports/build-sessions.ts';

/** A context without files. */
const nothing: BuildContextSource = { fill: () => Promise.resolve() };

/** A source alone, which a client solves to look into it, as `buildx bake URL` does with a repository. */
export class SourceSolve implements Result {
  readonly #parts: SolveParts;
  readonly #job: Job;
  readonly #source: FrontendInput;
  readonly #from: { session: BuildSession; images: ImageSource; signal: AbortSignal };
  /** By platform. */
  readonly #images = new Map<string, Promise<Image>>();

  constructor(
    parts: SolveParts,
    job: Job,
    source: FrontendInput,
    from: { session: BuildSession; images: ImageSource; signal: AbortSignal },
  ) {
    this.#parts = parts;
    this.#job = job;
    this.#source = source;
    this.#from = from;
  }

  async evaluate(): Promise<void> {
    await this.image('');
  }

  image(platform: string): Promise<Image> {
    const known = this.#images.get(platform);
    if (known !== undefined) return known;
    const building = this.#build(platform, []);
    this.#images.set(platform, building);
    return building;
  }

  async export(): Promise<Record<string, string>> {
    const { session, signal } = this.#from;
    const { exporters } = this.#job.request;
    await this.#build('', outputsOf(exporters, session, signal), annotationsOf(exporters));
    return {};
  }

  async #build(
    platform: string,
    outputs: BuildOutput[],
    annotations: readonly Annotation[] = [],
  ): Promise<Image> {
    const { session, signal } = this.#from;
    return this.#parts.builds.build({
      ...(await this.#asDockerfile(platform)),
      ...{ ignoreText: '', tags: [], buildArgs: {}, labels: {}, outputs, annotations, signal },
      ...(platform !== '' && { platform }),
      credentials: (registry) => session.credentials(registry, signal),
      onProgress: () => undefined,
      onVertex: (event) => this.#job.tell(event),
    });
  }

  /** What this engine builds, and that gives just the files of the source. */
  async #asDockerfile(
    platform: string,
  ): Promise<Pick<BuildRequest, 'context' | 'contexts' | 'dockerfileText'>> {
    const source = this.#source;
    const { session, images, signal } = this.#from;
    const whole = 'FROM scratch\nCOPY . /\n';
    if ('image' in source) return { context: nothing, dockerfileText: `FROM ${source.image}\n` };
    if ('solve' in source) {
      const id = await images.ofResult(source, platform);
      return { context: nothing, contexts: { result: { image: id } }, dockerfileText: 'FROM result\n' };
    }
    if ('local' in source) {
      const request = { name: source.local };
      const fill = async (root: string): Promise<void> => {
        await this.#parts.trees.hold(root, (await session.receive(request, { signal })).packed);
      };
      return { context: { fill }, dockerfileText: whole };
    }
    const { remote, filename } = source;
    if (filename === undefined) return { context: { remote }, dockerfileText: whole };
    // Words of JSON keep spaces within them.
    return {
      context: nothing,
      dockerfileText: `FROM scratch\nADD ${JSON.stringify([remote, `/${filename}`])}\n`,
    };
  }
}
