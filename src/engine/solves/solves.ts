import type {
  Builds,
  FrontendInput,
  FrontendInputs,
  FrontendOutcome,
  FrontendRequest,
  FrontendResult,
  ImageQuestion,
  Images,
  SolveChange,
  SolveRecord,
  SolveRequest,
  Solves as SolvesContract,
  VertexEvent,
} from '#engine/contracts.ts';
import { checkFrontendImage } from '#domain/dockerfile/frontend.ts';
import type { Image } from '#domain/image/image.ts';
import { matchesPlatform, parsePlatform } from '#domain/image/platform.ts';
import { parseReference } from '#domain/image/reference.ts';
import { noSession } from '#engine/sessions/no-session.ts';
import type { Sessions } from '#engine/sessions/sessions.ts';
import { DockerfileSolve } from '#engine/solves/dockerfile-solve.ts';
import type { ImageSource } from '#engine/solves/inputs.ts';
import { Job } from '#engine/solves/job.ts';
import { loadLayout } from '#engine/solves/oci-layouts.ts';
import { SourceSolve } from '#engine/solves/source-solve.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import { unlessAborted } from '#base/abort.ts';
import { conflict, notFound, unsupported } from '#base/errors.ts';

/** How long a client that asks for a solve is made wait for it to begin, in milliseconds. */
const patience = 3000;

/** How many solves are remembered after their end, beside those that are pinned. */
const mostRemembered = 50;

export interface SolveParts {
  builds: Builds;
  images: Images;
  sessions: Sessions;
  trees: FileTrees;
  clock: Clock;
}

/** Builds for clients of BuildKit's protocol: translates what they ask into builds, and tells them how those go. */
export class Solves implements SolvesContract {
  readonly #parts: SolveParts;
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<(change: SolveChange) => void>();
  #arrival = Promise.withResolvers<void>();

  constructor(parts: SolveParts) {
    this.#parts = parts;
  }

  async solve(request: SolveRequest, signal: AbortSignal): Promise<Record<string, string>> {
    const { clock } = this.#parts;
    if (this.#jobs.has(request.ref)) throw conflict('solve-exists', `job ID ${request.ref} exists`);
    const job = new Job(request, clock.now());
    this.#jobs.set(request.ref, job);
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
    this.#announce('started', job);
    const stop = (): void => job.abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      const response = await this.#run(job);
      job.end(clock.now(), { response });
      return response;
    } catch (error) {
      job.end(clock.now(), { error: error instanceof Error ? error : new Error(String(error)) });
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      job.abort.abort(new Error('the solve is over'));
      this.#announce('completed', job);
      this.#trim();
    }
  }

  cancel(id: string): void {
    for (const job of this.#jobs.values())
      if (job.request.id === id) job.abort.abort(new DOMException('context canceled', 'AbortError'));
  }

  async *follow(ref: string, signal: AbortSignal): AsyncIterable<VertexEvent> {
    yield* (await this.#job(ref, signal)).follow(signal);
  }

  async inputs(ref: string, signal: AbortSignal): Promise<FrontendInputs> {
    return (await this.#job(ref, signal)).request.inputs;
  }

  async ask(ref: string, request: FrontendRequest, signal: AbortSignal): Promise<FrontendResult> {
    const job = await this.#job(ref, signal);
    if (request.frontend === '') return { id: '', metadata: {} };
    const solve = await unlessAborted(this.#dockerfile(job, request), signal);
    if (!solve.isSubrequest) return { id: job.addResult(solve), metadata: {} };
    return { id: '', metadata: await unlessAborted(solve.answer(), signal) };
  }

  async source(ref: string, source: FrontendInput, signal: AbortSignal): Promise<FrontendResult> {
    const job = await this.#job(ref, signal);
    const from = await unlessAborted(this.#from(job), signal);
    return { id: job.addResult(new SourceSolve(this.#parts, job, source, from)), metadata: {} };
  }

  async tell(ref: string, event: VertexEvent & { kind: 'warning' }, signal: AbortSignal): Promise<void> {
    await (await this.#job(ref, signal)).tell(event);
  }

  async finish(ref: string, outcome: FrontendOutcome, signal: AbortSignal): Promise<void> {
    (await this.#job(ref, signal)).returns(outcome);
  }

  async evaluate(ref: string, result: string, signal: AbortSignal): Promise<void> {
    const job = await this.#job(ref, signal);
    await unlessAborted(job.result(result).evaluate(), signal);
  }

  async image(ref: string, result: string, signal: AbortSignal): Promise<Image> {
    const job = await this.#job(ref, signal);
    return unlessAborted(job.result(result).image(''), signal);
  }

  async resolve(ref: string, { name, platform, pull }: ImageQuestion, signal: AbortSignal): Promise<Image> {
    const { images, sessions } = this.#parts;
    const here = pull ? undefined : images.find(name);
    const host = { os: 'linux', architecture: '' };
    if (
      here !== undefined &&
      (platform === '' || matchesPlatform(here.config, parsePlatform(platform, host)))
    )
      return here;
    const { session: id } = (await this.#job(ref, signal)).request;
    const session = id === '' ? noSession : await sessions.get(id, signal);
    const auth = await session.credentials(parseReference(name).registry, signal);
    return images.pull(name, {
      ...(auth !== undefined && { auth }),
      ...(platform !== '' && { platform }),
      ...{ onProgress: () => undefined, signal },
    });
  }

  records(): SolveRecord[] {
    return [...this.#jobs.values()].filter(({ request }) => !request.internal).map(({ record }) => record);
  }

  async *changes(signal: AbortSignal): AsyncIterable<SolveChange> {
    const waiting: SolveChange[] = [];
    let wake = Promise.withResolvers<void>();
    const listener = (change: SolveChange): void => {
      waiting.push(change);
      wake.resolve();
    };
    const stop = (): void => wake.resolve();
    this.#listeners.add(listener);
    signal.addEventListener('abort', stop, { once: true });
    try {
      while (!signal.aborted) {
        const change = waiting.shift();
        if (change !== undefined) yield change;
        else {
          await wake.promise;
          wake = Promise.withResolvers();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#listeners.delete(listener);
    }
  }

  pin(ref: string, pinned: boolean): void {
    const job = this.#jobs.get(ref);
    if (job === undefined) throw missing(ref);
    job.pinned = pinned;
  }

  forget(ref: string): void {
    const job = this.#jobs.get(ref);
    if (job?.isOver !== true) return;
    this.#jobs.delete(ref);
    this.#announce('deleted', job);
  }

  async #run(job: Job): Promise<Record<string, string>> {
    const { request } = job;
    if (request.frontend !== '') return (await this.#dockerfile(job, request)).export();
    const outcome = await unlessAborted(job.returned, job.abort.signal);
    if ('error' in outcome) throw outcome.error;
    return outcome.result === '' ? {} : job.result(outcome.result).export();
  }

  async #dockerfile(job: Job, request: FrontendRequest): Promise<DockerfileSolve> {
    const { frontend, attributes } = request;
    // A frontend that is an image: Docker's own.
    if (frontend === 'gateway.v0') checkFrontendImage(attributes['source'] ?? frontend);
    else if (frontend !== 'dockerfile.v0')
      throw unsupported('frontend-unsupported', `the frontend '${frontend}' is not offered`, {
        hint: 'dockerfile.v0 is',
      });
    return new DockerfileSolve(this.#parts, job, request, await this.#from(job));
  }

  /** What a job's builds are given by its client. */
  async #from(job: Job): Promise<{ session: BuildSession; images: ImageSource; signal: AbortSignal }> {
    const { session: id } = job.request;
    const session = id === '' ? noSession : await this.#parts.sessions.get(id, job.abort.signal);
    const signal = AbortSignal.any([session.closed, job.abort.signal]);
    const images: ImageSource = {
      ofResult: async ({ solve, result }, platform) => {
        const other = await this.#job(solve, signal);
        return (await unlessAborted(other.result(result).image(platform), signal)).id;
      },
      ofLayout: (layout, platform) => loadLayout(this.#parts.images, session.blobs, layout, platform, signal),
    };
    return { session, images, signal };
  }

  async #job(ref: string, signal: AbortSignal): Promise<Job> {
    const { clock } = this.#parts;
    const until = clock.now() + patience;
    for (;;) {
      const job = this.#jobs.get(ref);
      if (job !== undefined) return job;
      const left = until - clock.now();
      if (left <= 0) throw missing(ref);
      const done = new AbortController();
      const late = clock.sleep(left, AbortSignal.any([signal, done.signal]));
      await Promise.race([this.#arrival.promise, late]).finally(() => done.abort());
      late.catch(() => undefined);
    }
  }

  #announce(kind: SolveChange['kind'], job: Job): void {
    if (job.request.internal) return;
    for (const listener of this.#listeners) listener({ kind, record: job.record });
  }

  #trim(): void {
    const old = [...this.#jobs].filter(([, job]) => job.isOver && !job.pinned);
    for (const [ref] of old.slice(0, Math.max(0, old.length - mostRemembered))) this.#jobs.delete(ref);
  }
}

function missing(ref: string): Error {
  return notFound('solve-missing', `no such job ${ref}`);
}
