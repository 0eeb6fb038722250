import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { LogSender } from '#engine/containers/log-sender.ts';
import type { LogEntry, LogPosition } from '#ports/log-store.ts';
import { bufferBytes } from '#domain/container/log-limits.ts';
import { Backlog } from '#domain/log/backlog.ts';

export type ForwardParts = Pick<ContainerParts, 'clock' | 'logs' | 'report'>;

/** Where the position in a log is kept. */
export interface PositionRecord {
  get(): LogPosition | undefined;
  note(position: LogPosition): void;
}

/** Milliseconds before a receiver that was not reached is asked again. */
const firstDelay = 250;
const longestDelay = 30_000;

/** The sending of one container's log, from run to run. */
export class LogForward {
  readonly #parts: ForwardParts;
  readonly #id: string;
  readonly #position: PositionRecord;
  readonly #backlog: Backlog;
  readonly #stop = new AbortController();
  /** Runs follow each other: the second waits until all of the first is sent. */
  #work: Promise<void> = Promise.resolve();
  /** Resolves when a try failed. */
  #failure = Promise.withResolvers<void>();

  constructor(parts: ForwardParts, container: Container, position: PositionRecord) {
    this.#parts = parts;
    this.#id = container.id;
    this.#position = position;
    this.#backlog = new Backlog(bufferBytes(container.hostConfig.LogConfig) ?? Infinity);
  }

  /** @param ended resolves when the run that begins now has ended */
  begin(ended: Promise<unknown>, sender: LogSender): void {
    this.#work = this.#work
      .then(() => this.#forward(ended, sender))
      .finally(() => sender.close())
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#parts.report(`the log of container ${this.#id} is not sent any more`, error);
      });
  }

  /** Resolves when all is sent, or the receiver cannot be reached. */
  async drained(): Promise<void> {
    await Promise.race([this.#work, this.#failure.promise]);
  }

  /** What is not sent yet stays in the file. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #forward(ended: Promise<unknown>, sender: LogSender): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    // A sending that hangs ends with its connection.
    const hangUp = (): void => sender.close();
    signal.addEventListener('abort', hangUp, { once: true });
    try {
      const progress = this.#parts.logs.followFrom(this.#id, this.#position.get(), { ended, signal });
      for await (const { entries, position } of progress) {
        const kept = entries.filter((entry) => this.#backlog.keeps(entry));
        if (kept.length > 0) await this.#send(kept, sender);
        this.#tellDropped();
        this.#position.note(position);
      }
    } finally {
      signal.removeEventListener('abort', hangUp);
    }
  }

  /** Until the receiver has it all, or sending is stopped. */
  async #send(entries: LogEntry[], sender: LogSender): Promise<void> {
    const { clock, report } = this.#parts;
    const { signal } = this.#stop;
    for (let delay = firstDelay; ; delay = Math.min(delay * 2, longestDelay)) {
      try {
        const tooLarge = await sender.send(entries);
        if (tooLarge > 0) this.#report(`${tooLarge} lines are too large for its receiver`);
        this.#backlog.sent(clock.timestamp());
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        if (delay === firstDelay) report(`the log of container ${this.#id} waits for its receiver`, error);
        this.#failure.resolve();
        this.#failure = Promise.withResolvers<void>();
        await clock.sleep(delay, signal);
      }
    }
  }

  #tellDropped(): void {
    const dropped = this.#backlog.takeDropped();
    if (dropped > 0) this.#report(`${dropped} lines were more than max-buffer-size holds and are not sent`);
  }

  #report(what: string): void {
    this.#parts.report(`the log of container ${this.#id}: ${what}`, undefined);
  }
}
