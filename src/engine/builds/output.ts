import { shortId } from '#base/ids.ts';
import type { Progress } from '#engine/contracts.ts';

/** Text that waits for the stages before it; more than this makes its writer wait. */
const mostWaiting = 1024 * 1024;

type Emit = (progress: Progress) => void | Promise<void>;

/** Where a stage says what it does. Await it when much is written: it slows the writer down. */
export interface Sink {
  write(progress: Progress): Promise<void>;
}

export async function say(sink: Sink, text: string): Promise<void> {
  await sink.write({ stream: text });
}

export async function sayImage(sink: Sink, id: string): Promise<void> {
  await say(sink, ` ---> ${shortId(id)}\n`);
}

/** As the classic builder shows what comes on stderr. */
export function red(text: string): string {
  return `\u001b[91m${text}\u001b[0m`;
}

/** A container does a step, or would with Docker: told before the step and, where it succeeds, behind it. */
export async function sayRunning(sink: Sink, id: string): Promise<void> {
  await say(sink, ` ---> Running in ${shortId(id)}\n`);
}

export async function sayRemoved(sink: Sink, id: string): Promise<void> {
  await say(sink, ` ---> Removed intermediate container ${shortId(id)}\n`);
}

/**
 * The output of stages that run at the same time, one after another in the order of the file: the first
 * unfinished stage is live, those behind it are kept, within limits.
 */
export class OrderedOutput {
  readonly #emit: Emit;
  readonly #lanes: Lane[];

  /** `mixed`: nothing waits for its turn, because the order is told in another way. */
  constructor(emit: Emit, lanes: number, mixed = false) {
    this.#emit = emit;
    this.#lanes = Array.from({ length: lanes }, () => new Lane());
    for (const lane of mixed ? this.#lanes : this.#lanes.slice(0, 1)) lane.open(this.#emit);
  }

  /** The stage at this place of the order. */
  sink(lane: number): Sink {
    return { write: (progress) => this.#lanes[lane]?.write(progress) ?? Promise.resolve() };
  }

  /** The stage says nothing more. */
  end(lane: number): void {
    const ended = this.#lanes[lane];
    if (ended !== undefined) ended.ended = true;
    for (const each of this.#lanes) {
      each.open(this.#emit);
      if (!each.ended) return;
    }
  }
}

class Lane {
  ended = false;
  #emit: Emit | undefined;
  #waiting: Progress[] = [];
  #size = 0;
  readonly #opened = Promise.withResolvers<void>();

  open(emit: Emit): void {
    if (this.#emit !== undefined) return;
    this.#emit = emit;
    for (const progress of this.#waiting) void emit(progress);
    this.#waiting = [];
    this.#opened.resolve();
  }

  async write(progress: Progress): Promise<void> {
    if (this.#emit !== undefined) {
      await this.#emit(progress);
      return;
    }
    this.#waiting.push(progress);
    this.#size += progress.stream?.length ?? 0;
    if (this.#size > mostWaiting) await this.#opened.promise;
  }
}
