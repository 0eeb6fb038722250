import type {
  Builds,
  FrontendOutcome,
  FrontendRequest,
  FrontendResult,
  Images,
  SolveChange,
  SolveRecord,
  SolveRequest,
  Solves as SolvesContract,
  VertexEvent,
} from '#engine/contracts.ts';
import type { Sessions } from '#engine/sessions/sessions.ts';
import { DockerfileSolve } from '#engine/solves/dockerfile-solve.ts';
import { Job } from '#engine/solves/job.ts';
import type { Clock } from '#ports/clock.ts';
import type { FileTrees } from '#ports/file-trees.ts';
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
    try {
      const response = await this.#run(job, signal);
      job.end(clock.now(), { response });
      return response;
    } catch (error) {
      job.end(clock.now(), { error: error instanceof Error ? error : new Error(String(error)) });
      throw error;
    } finally {
      job.abort.abort(new Error('the solve is over'));
      this.#announce('completed', job);
      this.#trim();
    }
  }

  async *follow(ref: string, signal: AbortSignal): AsyncIterable<VertexEvent> {
    yield* (await this.#job(ref, signal)).follow(signal);
  }

  async ask(ref: string, request: FrontendRequest, signal: AbortSignal): Promise<FrontendResult> {
    const job = await this.#job(ref, signal);
    if (request.frontend === '') return { id: '', metadata: {} };
    const solve = await this.#dockerfile(job, request, signal);
    if (!solve.isSubrequest) return { id: job.addResult(request), metadata: {} };
    return { id: '', metadata: await solve.answer() };
  }

  async tell(ref: string, event: VertexEvent & { kind: 'warning' }, signal: AbortSignal): Promise<void> {
    await (await this.#job(ref, signal)).tell(event);
  }

  async finish(ref: string, outcome: FrontendOutcome, signal: AbortSignal): Promise<void> {
    (await this.#job(ref, signal)).returns(outcome);
  }

  async evaluate(ref: string, result: string, signal: AbortSignal): Promise<void> {
    const job = await this.#job(ref, signal);
    const solve = await this.#dockerfile(job, job.result(result), signal);
    await solve.evaluate();
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

  async #run(job: Job, signal: AbortSignal): Promise<Record<string, string>> {
    const { request } = job;
    const own = AbortSignal.any([signal, job.abort.signal]);
    if (request.frontend !== '') return (await this.#dockerfile(job, request, own)).export();
    const outcome = await raced(job.returned, own);
    if ('error' in outcome) throw outcome.error;
    if (outcome.result === '') return {};
    return (await this.#dockerfile(job, job.result(outcome.result), own)).export();
  }

  async #dockerfile(job: Job, request: FrontendRequest, signal: AbortSignal): Promise<DockerfileSolve> {
    if (request.frontend !== 'dockerfile.v0')
      throw unsupported('frontend-unsupported', `the frontend '${request.frontend}' is not offered`, {
        hint: "leave out the Dockerfile's line '# syntax=': the engine's own frontend is the current one",
      });
    const session = await this.#parts.sessions.get(job.request.session, signal);
    const until = AbortSignal.any([signal, session.closed, job.abort.signal]);
    return new DockerfileSolve(this.#parts, job, request, session, until);
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

async function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
