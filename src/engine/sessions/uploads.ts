import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { notFound } from '#base/errors.ts';
import type { Uploads as UploadsContract } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';

/** How long the two requests of one build wait for each other, in milliseconds. */
const patience = 5000;

/** Contexts that clients send apart from the request for their build, by the id of the build. */
export class Uploads implements UploadsContract {
  readonly #clock: Clock;
  readonly #meetings = new Map<string, Meeting>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  async offer(id: string, content: Readable, signal: AbortSignal): Promise<void> {
    const meeting = this.#meeting(id);
    meeting.offered.resolve(content);
    try {
      await this.#wait(id, meeting.taken.promise, signal);
    } catch (error) {
      content.destroy();
      throw error;
    }
    // Whoever took it says by an error of its own what is wrong with it.
    await finished(content, { writable: false, signal }).catch(() => signal.throwIfAborted());
  }

  async take(id: string, signal: AbortSignal): Promise<Readable> {
    const meeting = this.#meeting(id);
    const content = await this.#wait(id, meeting.offered.promise, signal);
    meeting.taken.resolve();
    return content;
  }

  #meeting(id: string): Meeting {
    const meeting = this.#meetings.get(id) ?? {
      offered: Promise.withResolvers<Readable>(),
      taken: Promise.withResolvers<void>(),
    };
    this.#meetings.set(id, meeting);
    return meeting;
  }

  /** @throws not-found `upload-missing` when the other side does not come */
  async #wait<T>(id: string, coming: Promise<T>, signal: AbortSignal): Promise<T> {
    const done = new AbortController();
    const late = this.#clock.sleep(patience, AbortSignal.any([signal, done.signal])).then(() => {
      const words = `the context of the build ${id} and its build did not meet: context deadline exceeded`;
      throw notFound('upload-missing', words);
    });
    try {
      return await Promise.race([coming, late]);
    } finally {
      done.abort();
      late.catch(() => undefined);
      this.#meetings.delete(id);
    }
  }
}

interface Meeting {
  offered: PromiseWithResolvers<Readable>;
  taken: PromiseWithResolvers<void>;
}
