import { familiarName, formatReference, parseReference } from '#domain/image/reference.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildOutput, BuildRequest, Choice, FrontendRequest, VertexEvent } from '#engine/contracts.ts';
import { entitlementsOf, readOptions, type FrontendOptions } from '#engine/solves/attributes.ts';
import { cacheTargetsOf, tellUnread } from '#engine/solves/caches.ts';
import { exportImage, namesHere } from '#engine/solves/exporting.ts';
import { outputsOf } from '#engine/solves/exporters.ts';
import { readInputs, type InputParts } from '#engine/solves/inputs.ts';
import type { Job } from '#engine/solves/job.ts';
import type { Narrator } from '#engine/solves/narration.ts';
import type { SolveParts } from '#engine/solves/solves.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import { unsupported } from '#base/errors.ts';

/** One request for the Dockerfile frontend on behalf of a job. */
export class DockerfileSolve {
  readonly #parts: SolveParts;
  readonly #job: Job;
  readonly #options: FrontendOptions;
  readonly #cacheFrom: readonly Choice[];
  readonly #session: BuildSession;
  readonly #signal: AbortSignal;
  readonly #narrator: Narrator;

  constructor(
    parts: SolveParts,
    job: Job,
    request: FrontendRequest,
    session: BuildSession,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#job = job;
    this.#options = readOptions(request.attributes);
    this.#cacheFrom = request.cacheFrom;
    this.#session = session;
    this.#signal = signal;
    this.#narrator = { now: () => parts.clock.now(), tell: (event) => job.tell(event) };
  }

  get isSubrequest(): boolean {
    return this.#options.subrequest !== undefined;
  }

  /** What a subrequest such as `frontend.lint` asks for. */
  answer(): Promise<Record<string, string>> {
    const { subrequest = '' } = this.#options;
    return Promise.reject(
      unsupported('subrequest-unsupported', `the subrequest '${subrequest}' is not offered`),
    );
  }

  /** Builds and exports. Gives what the client wants to know of the result. */
  async export(): Promise<Record<string, string>> {
    const { exporters } = this.#job.request;
    const outputs = outputsOf(exporters, this.#session, this.#narrator, this.#signal);
    const image = await this.#build(namesHere(outputs));
    for (const output of outputs)
      await exportImage(this.#parts, image, output, {
        session: this.#session,
        narrator: this.#narrator,
        signal: this.#signal,
      });
    return this.#describe(image, outputs);
  }

  async evaluate(): Promise<void> {
    await this.#build([]);
  }

  async #build(tags: string[]): Promise<Image> {
    const { entitlements, cacheFrom, cacheTo } = this.#job.request;
    const allow = entitlementsOf(entitlements);
    const targets = cacheTargetsOf(cacheTo);
    await tellUnread(this.#caches(cacheFrom), this.#narrator);
    const parts: InputParts = {
      trees: this.#parts.trees,
      session: this.#session,
      narrator: this.#narrator,
      signal: this.#signal,
    };
    const request: BuildRequest = {
      ...this.#options.settings,
      ...(await readInputs(parts, this.#options)),
      ...(allow.length > 0 && { allow }),
      ...(targets.length > 0 && { cacheTo: targets }),
      tags,
      onProgress: () => undefined,
      onVertex: (event) => (isToldHere(event) ? undefined : this.#job.tell(event)),
      signal: this.#signal,
    };
    return this.#parts.builds.build(request);
  }

  /** Clients name the same caches in several places. */
  #caches(ofJob: readonly Choice[]): Choice[] {
    const all = [...ofJob, ...this.#cacheFrom, ...this.#options.cacheFrom];
    return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
  }

  async #describe(image: Image, outputs: readonly BuildOutput[]): Promise<Record<string, string>> {
    const descriptor = await this.#parts.images.descriptor(image.id);
    const names = outputs.flatMap((output) => ('names' in output ? output.names : []));
    return {
      'containerimage.config.digest': image.id,
      'containerimage.digest': descriptor.digest,
      'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64'),
      ...(names.length > 0 && {
        'image.name': names.map((name) => familiarName(formatReference(parseReference(name)))).join(','),
      }),
    };
  }
}

/** What `inputs.ts` and `exporting.ts` tell of, who know how much comes from the client and goes to it. */
function isToldHere(event: VertexEvent): boolean {
  if (event.kind !== 'vertex') return false;
  return ['[internal] load build context', 'exporting to image'].includes(event.vertex.name);
}
