import type { Image } from '#domain/image/image.ts';
import type { Exported, FrontendOutcome, SolveRecord, SolveRequest, VertexEvent } from '#engine/contracts.ts';
import { notFound } from '#base/errors.ts';
import { newId } from '#base/ids.ts';

/** What is kept of one step's output, in bytes; BuildKit's own limit. */
const longestLog = 2 * 1024 * 1024;

/** How many events a client that follows may be behind before the build waits for it. */
const mostBehind = 512;

/** What a frontend was asked for; it is made when it is first wanted, and once. */
export interface Result {
  /** For a platform (`linux/amd64`) where there are several. */
  image(platform: string): Promise<Image>;
  /** Builds without exporting. */
  evaluate(): Promise<void>;
  /** Brings it where the exporters of its job want it, and gives what they say. */
  export(): Promise<Record<string, string>>;
}

/** One solve: what it was asked for, what it tells, and how it ended. */
export class Job {
  readonly request: SolveRequest;
  readonly abort = new AbortController();
  readonly created: number;
  pinned = false;
  attested: Exported['attested'] = [];
  #completed: number | undefined;
  #error: Error | undefined;
  #response: Record<string, string> = {};
  readonly #returned = Promise.withResolvers<FrontendOutcome>();
  readonly #results = new Map<string, Result>();
  readonly #events: VertexEvent[] = [];
  readonly #logged = new Map<string, number>();
  readonly #followers = new Set<{ at: number }>();
  #news = Promise.withResolvers<void>();
  #caughtUp = Promise.withResolvers<void>();

  constructor(request: SolveRequest, now: number) {
    this.request = request;
    this.created = now;
  }

  /** What the client that is the frontend itself returned. */
  get returned(): Promise<FrontendOutcome> {
    return this.#returned.promise;
  }

  get isOver(): boolean {
    return this.#completed !== undefined;
  }

  returns(outcome: FrontendOutcome): void {
    this.#returned.resolve(outcome);
  }

  addResult(result: Result): string {
    const id = newId().slice(0, 25);
    this.#results.set(id, result);
    return id;
  }

  /** @throws not-found `solve-result-missing` */
  result(id: string): Result {
    const found = this.#results.get(id);
    if (found === undefined) throw notFound('solve-result-missing', `no such ref: ${id}`);
    return found;
  }

  /** Waits for clients that are far behind. */
  async tell(event: VertexEvent): Promise<void> {
    const kept = event.kind === 'log' ? this.#clipped(event) : event;
    if (kept === undefined) return;
    this.#events.push(kept);
    this.#wake();
    while (!this.isOver && [...this.#followers].some(({ at }) => this.#events.length - at > mostBehind))
      await this.#caughtUp.promise;
  }

  end(now: number, outcome: { response: Record<string, string> } | { error: Error }): void {
    this.#completed = now;
    if ('error' in outcome) this.#error = outcome.error;
    else this.#response = outcome.response;
    this.#wake();
  }

  /** Everything from the beginning, until the end. */
  async *follow(signal: AbortSignal): AsyncGenerator<VertexEvent> {
    const follower = { at: 0 };
    this.#followers.add(follower);
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        const event = this.#events[follower.at];
        if (signal.aborted) return;
        if (event !== undefined) {
          follower.at++;
          yield event;
        } else if (this.isOver) return;
        else {
          this.#pass();
          await this.#news.promise;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#followers.delete(follower);
      this.#pass();
    }
  }

  get record(): SolveRecord {
    const { ref, frontend, attributes, exporters } = this.request;
    return {
      ...{ ref, frontend, attributes, exporters },
      created: this.created,
      ...(this.#completed !== undefined && { completed: this.#completed }),
      ...(this.#error !== undefined && { failure: this.#error }),
      response: this.#response,
      attested: this.attested,
      steps: this.#steps(),
      pinned: this.pinned,
    };
  }

  #steps(): SolveRecord['steps'] {
    const vertices = new Map(
      this.#events.flatMap((event) => (event.kind === 'vertex' ? [[event.vertex.digest, event.vertex]] : [])),
    );
    const all = [...vertices.values()];
    return {
      total: all.length,
      completed: all.filter(({ completed }) => completed !== undefined).length,
      cached: all.filter(({ cached }) => cached).length,
      warnings: this.#events.filter(({ kind }) => kind === 'warning').length,
    };
  }

  #clipped(event: VertexEvent & { kind: 'log' }): VertexEvent | undefined {
    const before = this.#logged.get(event.vertex) ?? 0;
    if (before > longestLog) return undefined;
    const size = before + event.data.length;
    this.#logged.set(event.vertex, size);
    if (size <= longestLog) return event;
    return { ...event, data: Buffer.from('[output clipped, log limit 2MiB reached]\n') };
  }

  /** Followers have something to do. They never wake each other: two that wait would do so for ever. */
  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
    if (this.isOver) this.#pass();
  }

  /** Whoever tells may go on. */
  #pass(): void {
    this.#caughtUp.resolve();
    this.#caughtUp = Promise.withResolvers();
  }
}
