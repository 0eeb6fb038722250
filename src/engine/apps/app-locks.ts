import { conflict } from '#base/errors.ts';

/** How a change of an app ended. */
export interface Freed {
  app: string;
  verb: string;
  byPerson: boolean;
  failed: boolean;
}

interface Holder {
  verb: string;
  /** Only of work in the background: tells it to come to an end. */
  stop?: AbortController;
  done: Promise<void>;
}

/**
 * One change of an app at a time. A person's command is refused while another person's goes on; work in the
 * background (healing, autoscaling, schedules) never makes a person wait for longer than it takes to stop it.
 */
export class AppLocks {
  readonly #holders = new Map<string, Holder>();
  /** Apps for which a person waits until work in the background has stopped. */
  readonly #awaited = new Set<string>();
  readonly #listeners = new Set<(freed: Freed) => void>();
  #isClosed = false;

  /** What changes the app now. */
  verb(app: string): string | undefined {
    return this.#holders.get(app)?.verb;
  }

  /** For a person's command. @throws conflict `app-busy` */
  async run<T>(app: string, verb: string, work: () => Promise<T>): Promise<T> {
    for (let holder = this.#holders.get(app); holder !== undefined; holder = this.#holders.get(app)) {
      if (holder.stop === undefined) throw busy(app, verb, holder.verb);
      holder.stop.abort(new Error(`${verb} goes first`));
      this.#awaited.add(app);
      await holder.done;
    }
    this.#awaited.delete(app);
    return this.#hold(app, { verb }, work);
  }

  /**
   * For work in the background. Gives false, without having begun, when the app is being changed (`onFree` tells when
   * to try again) or the daemon ends. `work` must end soon once its signal is aborted.
   */
  async tryRun(app: string, verb: string, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.#isClosed || this.#holders.has(app) || this.#awaited.has(app)) return false;
    const stop = new AbortController();
    await this.#hold(app, { verb, stop }, () => work(stop.signal));
    return true;
  }

  /** Calls `listener` whenever a change of an app has ended. Gives the way to stop. */
  onFree(listener: (freed: Freed) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Work in the background is told to come to an end, and none begins any more. */
  close(): void {
    this.#isClosed = true;
    for (const { stop } of this.#holders.values()) stop?.abort(new Error('the daemon ends'));
  }

  async #hold<T>(app: string, holder: Omit<Holder, 'done'>, work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#holders.set(app, { ...holder, done: promise });
    let failed = true;
    try {
      const result = await work();
      failed = false;
      return result;
    } finally {
      this.#holders.delete(app);
      resolve();
      const freed = { app, verb: holder.verb, byPerson: holder.stop === undefined, failed };
      for (const listener of this.#listeners) listener(freed);
    }
  }
}

function busy(app: string, verb: string, other: string): Error {
  return conflict('app-busy', `cannot run ${verb} on the app ${app}: another ${other} is changing it now`, {
    hint: 'wait until it is done, then run the command again',
  });
}
