import type { Duplex } from 'node:stream';
import { conflict, notFound } from '#base/errors.ts';
import type { Sessions as SessionsContract } from '#engine/contracts.ts';
import type { BuildSession, BuildSessions, SessionOffer } from '#ports/build-sessions.ts';
import type { Clock } from '#ports/clock.ts';

/** How long a build waits for the session that it names, in milliseconds: the client opens both at the same time. */
const patience = 5000;

/** The clients that are connected for their builds, by the ids that they gave themselves. */
export class Sessions implements SessionsContract {
  readonly #sessions = new Map<string, BuildSession>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #opener: BuildSessions;
  readonly #clock: Clock;

  constructor(parts: { buildSessions: BuildSessions; clock: Clock }) {
    this.#opener = parts.buildSessions;
    this.#clock = parts.clock;
  }

  async open(connection: Duplex, offer: SessionOffer): Promise<void> {
    if (this.#sessions.has(offer.id)) {
      connection.destroy();
      throw conflict('session-taken', `session ${offer.id} already exists`);
    }
    const session = this.#opener.open(connection, offer);
    this.#sessions.set(offer.id, session);
    this.#waiting.get(offer.id)?.resolve();
    await new Promise<void>((resolve) => {
      if (session.closed.aborted) resolve();
      else session.closed.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#sessions.delete(offer.id);
  }

  /** Waits for one that is not there yet. @throws not-found `session-missing` */
  async get(id: string, signal: AbortSignal): Promise<BuildSession> {
    const found = this.#sessions.get(id) ?? (await this.#arrival(id, signal));
    if (found === undefined)
      throw notFound('session-missing', `no active session for ${id}: context deadline exceeded`);
    return found;
  }

  async #arrival(id: string, signal: AbortSignal): Promise<BuildSession | undefined> {
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<void>();
    this.#waiting.set(id, waiting);
    const done = new AbortController();
    const late = this.#clock.sleep(patience, AbortSignal.any([signal, done.signal]));
    try {
      await Promise.race([waiting.promise, late]);
    } finally {
      done.abort();
      late.catch(() => undefined);
      this.#waiting.delete(id);
    }
    return this.#sessions.get(id);
  }
}
