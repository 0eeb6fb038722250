import type { Attachment, WaitCondition } from '#engine/contracts.ts';
import type { Stdio } from '#ports/runtime.ts';
import { conflict } from '#base/errors.ts';

export interface Outcome {
  exitCode: number;
  error?: string;
}

interface Pending {
  resolve: (stdio: Stdio) => void;
  reject: (reason: unknown) => void;
}

type Moment = 'exit' | 'stopped' | 'removed';

const moments: Readonly<Record<WaitCondition, Moment>> = {
  'next-exit': 'exit',
  'not-running': 'stopped',
  removed: 'removed',
};

/** What only the running daemon knows of a container: who waits for it, and its present run. */
export class Life {
  readonly #waiters = new Set<{ moment: Moment; resolve: (outcome: Outcome) => void }>();
  readonly #places = new Set<Pending>();
  readonly #clients = new Set<Promise<void>>();
  #run = Promise.withResolvers<void>();
  #output = Promise.withResolvers<void>();
  /** Milliseconds that the last restart waited; 0 when none did. */
  restartDelay = 0;
  /** Ends the wait for the next restart. */
  restartTimer: AbortController | undefined;
  /** A restart on request is on its way, and has not started it yet: the exit in between is no reason to remove the container. */
  restartsOnRequest = false;
  removal: Promise<void> | undefined;

  /** Resolves when the present run has ended and everything that it held is free. */
  get ended(): Promise<void> {
    return this.#run.promise;
  }

  /** Resolves when all output of the present run is in the log. */
  get outputEnded(): Promise<void> {
    return this.#output.promise;
  }

  begin(): void {
    this.#run = Promise.withResolvers<void>();
    this.#output = Promise.withResolvers<void>();
  }

  endOutput(): void {
    this.#output.resolve();
  }

  end(outcome: Outcome, final: boolean): void {
    this.endOutput();
    this.#run.resolve();
    this.tell('exit', outcome);
    if (final) this.tell('stopped', outcome);
  }

  wait(condition: WaitCondition, signal: AbortSignal): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const waiter = { moment: moments[condition], resolve };
    this.#waiters.add(waiter);
    const abort = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    return promise.finally(() => {
      this.#waiters.delete(waiter);
      signal.removeEventListener('abort', abort);
    });
  }

  tell(moment: Moment, outcome: Outcome): void {
    for (const waiter of this.#waiters) if (waiter.moment === moment) waiter.resolve(outcome);
  }

  get hasClients(): boolean {
    return this.#clients.size > 0;
  }

  /** Waits until every client at the streams has what was written, or is gone. Who is `late` is waited for no more, also later. */
  async served(late: Promise<unknown>): Promise<void> {
    const clients = [...this.#clients];
    await Promise.race([Promise.all(clients), late]);
    for (const client of clients) this.#clients.delete(client);
  }

  /** A place at the streams of the present run. */
  join(stdio: Promise<Stdio>): Attachment {
    return { stdio, cancel: this.#enter() };
  }

  /** Counts a client; gives what is to be called when it leaves. */
  #enter(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clients.add(promise);
    return () => {
      this.#clients.delete(promise);
      resolve();
    };
  }

  /** A place at the streams of the next start. */
  place(): Attachment {
    const { promise, resolve, reject } = Promise.withResolvers<Stdio>();
    const leave = this.#enter();
    const pending: Pending = { resolve, reject };
    this.#places.add(pending);
    promise.catch(() => undefined);
    return {
      stdio: promise,
      cancel: () => {
        leave();
        if (this.#places.delete(pending)) reject(conflict('attachment-cancelled', 'the client went away'));
      },
    };
  }

  /** Gives everybody who waits for the start a connection. */
  async seat(connect: () => Promise<Stdio>): Promise<void> {
    const places = [...this.#places];
    this.#places.clear();
    await Promise.all(places.map(async (place) => connect().then(place.resolve, place.reject)));
  }

  refuse(reason: unknown): void {
    for (const place of this.#places) place.reject(reason);
    this.#places.clear();
  }
}

export class Lives {
  readonly #lives = new Map<string, Life>();

  of(id: string): Life {
    const known = this.#lives.get(id);
    if (known !== undefined) return known;
    const life = new Life();
    this.#lives.set(id, life);
    return life;
  }

  forget(id: string): void {
    this.#lives.delete(id);
  }

  all(): Life[] {
    return [...this.#lives.values()];
  }
}
