import type { EngineEvent, EventType } from '#domain/event/event.ts';
import { nanosOf } from '#domain/event/time.ts';
import { unavailable } from '#base/errors.ts';
import type * as contracts from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';

/** How far a reader may lag behind before it is cut off, so that one that stalls costs bounded memory. */
const longestQueue = 4096;

/** The latest events, in memory, and those who listen to what comes. */
export class Events implements contracts.Events {
  readonly #clock: Clock;
  readonly #keep: number;
  readonly #past: EngineEvent[] = [];
  readonly #readers = new Set<Reader>();

  /** `keep`: how many past events are held. */
  constructor(options: { clock: Clock; keep?: number }) {
    this.#clock = options.clock;
    this.#keep = options.keep ?? 1024;
  }

  emit(type: EventType, action: string, id: string, attributes: Record<string, string> = {}): void {
    const timeNano = String(nanosOf(this.#clock.timestamp()));
    const event: EngineEvent = { type, action, id, attributes: { ...attributes }, timeNano };
    this.#past.push(event);
    if (this.#past.length > this.#keep) this.#past.shift();
    for (const reader of this.#readers) reader.push(event);
  }

  async *read(query: {
    since?: string;
    until?: string;
    signal: AbortSignal;
  }): AsyncGenerator<EngineEvent, void> {
    const until = query.until === undefined ? undefined : nanosOf(query.until);
    const isWanted = (event: EngineEvent): boolean => until === undefined || BigInt(event.timeNano) <= until;
    const reader = new Reader();
    this.#readers.add(reader);
    const timer = new AbortController();
    try {
      for (const event of this.#pastOf(query)) if (isWanted(event)) yield event;
      if (query.signal.aborted) return;
      query.signal.addEventListener('abort', () => reader.end(), { once: true });
      if (until !== undefined) void this.#endAt(until, reader, timer.signal);
      for await (const event of reader.events()) if (isWanted(event)) yield event;
    } finally {
      timer.abort();
      this.#readers.delete(reader);
    }
  }

  /** As in Docker's engine, an end without a beginning means all that is remembered before it. */
  #pastOf({ since, until }: { since?: string; until?: string }): EngineEvent[] {
    if (since === undefined) return until === undefined ? [] : [...this.#past];
    const from = nanosOf(since) ?? 0n;
    return this.#past.filter((event) => BigInt(event.timeNano) >= from);
  }

  async #endAt(until: bigint, reader: Reader, signal: AbortSignal): Promise<void> {
    try {
      const wait = Number(until / 1_000_000n) - this.#clock.now();
      if (wait > 0) await this.#clock.sleep(wait, signal);
    } catch {
      // The reader left before the time came.
    }
    reader.end();
  }
}

class Reader {
  #queue: EngineEvent[] = [];
  #state: 'open' | 'ended' | 'overflown' = 'open';
  #wake = Promise.withResolvers<void>();

  push(event: EngineEvent): void {
    if (this.#state !== 'open') return;
    if (this.#queue.push(event) > longestQueue) this.#state = 'overflown';
    this.#wake.resolve();
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#wake.resolve();
  }

  async *events(): AsyncGenerator<EngineEvent> {
    for (;;) {
      const batch = this.#queue;
      this.#queue = [];
      yield* batch;
      if (this.#queue.length > 0) continue;
      if (this.#state === 'ended') return;
      if (this.#state === 'overflown')
        throw unavailable('events-overflow', `more than ${longestQueue} events were not read in time`);
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}
