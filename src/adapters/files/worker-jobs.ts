import { parentPort } from 'node:worker_threads';
import { BerthError, internal, messageOf, systemCode } from '#base/errors.ts';
import type { CarriedError, FromWorker, ToWorker } from '#adapters/files/worker-messages.ts';

// The worker's side of `worker-pool.ts`.

/** A job in work: what it does with the messages that follow. Gives its result when it is complete. */
export interface Running<Result> {
  chunk?(bytes: Uint8Array): void;
  complete?(): Result;
  /** @param spent what it gave earlier, to be used again */
  pull?(spent: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> | undefined;
  cancel(): void;
}

/** Begins a job, or does it at once. */
export type Start<Job, Result> = (job: Job) => { running: Running<Result> } | { result: Result | undefined };

/** Does the jobs that this worker thread is sent. */
export function serveJobs<Job, Result>(start: Start<Job, Result>): void {
  if (parentPort === null) return;
  const port = parentPort;
  const worker = new JobWorker(start, (message) =>
    port.postMessage(message, 'bytes' in message ? [message.bytes.buffer] : []),
  );
  port.on('message', (message: ToWorker<Job>) => worker.receive(message));
}

class JobWorker<Job, Result> {
  readonly #begin: Start<Job, Result>;
  readonly #answer: (message: FromWorker<Result>) => void;
  #running: Running<Result> | undefined;

  constructor(begin: Start<Job, Result>, answer: (message: FromWorker<Result>) => void) {
    this.#begin = begin;
    this.#answer = answer;
  }

  receive(message: ToWorker<Job>): void {
    try {
      this.#act(message);
    } catch (error) {
      this.#running?.cancel();
      this.#running = undefined;
      this.#answer({ kind: 'failed', error: carried(error) });
    }
  }

  #act(message: ToWorker<Job>): void {
    if (message.kind === 'job') this.#start(message.job);
    // What is still on its way when a job has failed is dropped.
    else if (this.#running !== undefined) this.#goOn(this.#running, message);
  }

  #start(job: Job): void {
    const begun = this.#begin(job);
    if ('running' in begun) this.#running = begun.running;
    else this.#answer({ kind: 'done', result: begun.result });
  }

  #goOn(running: Running<Result>, message: Exclude<ToWorker<Job>, { kind: 'job' }>): void {
    switch (message.kind) {
      case 'chunk':
        running.chunk?.(message.bytes);
        this.#answer({ kind: 'taken', bytes: message.bytes });
        return;
      case 'complete':
        this.#finish(running.complete?.());
        return;
      case 'pull': {
        const bytes = running.pull?.(message.spent);
        if (bytes === undefined) this.#finish(running.complete?.());
        else this.#answer({ kind: 'bytes', bytes });
        return;
      }
      case 'cancel':
        throw internal('job-cancelled', 'the work of a thread was cancelled');
    }
  }

  #finish(result: Result | undefined): void {
    this.#running = undefined;
    this.#answer({ kind: 'done', result });
  }
}

function carried(error: unknown): CarriedError {
  if (error instanceof BerthError)
    return { kind: error.kind, code: error.code, message: error.message, hint: error.hint };
  return { kind: undefined, code: systemCode(error) ?? '', message: messageOf(error), hint: undefined };
}
