import { Worker } from 'node:worker_threads';
import { readerOf, type ByteReader } from '#base/byte-reader.ts';
import { BerthError } from '#base/errors.ts';
import type { CarriedError, FromWorker, ToWorker } from '#adapters/files/worker-messages.ts';

/**
 * A worker that does nothing for so long is ended: it holds some 10 MB. To start one takes 40 ms of processor time, a good part of
 * what a build takes, and builds come one soon after another.
 */
const idleMillis = 30_000;
/** Chunks on their way to or from a worker at once: one in work, one waiting. */
const ahead = 2;
/** Small chunks are gathered up to this, because a message costs as much as copying that many bytes. */
const gatherSize = 256 * 1024;

/** Worker threads that do jobs, whose scripts call `serveJobs`. */
export class WorkerPool<Job, Result> {
  readonly #script: URL;
  readonly #limit: number;
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  readonly #waiting: ((worker: Worker) => void)[] = [];
  readonly #dead = new WeakSet<Worker>();
  #count = 0;

  /** At most `limit` jobs run at once; the others wait. */
  constructor(script: URL, limit: number) {
    this.#script = script;
    this.#limit = limit;
  }

  do(job: Job): Promise<Result | undefined> {
    return this.#use((line) => {
      line.send({ kind: 'job', job });
      return line.result();
    });
  }

  /** A job that is fed. The source is the caller's to close. */
  feed(job: Job, source: AsyncIterable<Uint8Array> | ByteReader): Promise<Result | undefined> {
    return this.#use(async (line) => {
      line.send({ kind: 'job', job });
      try {
        await feed(line, source);
      } catch (error) {
        line.send({ kind: 'cancel' });
        await line.settled();
        throw error;
      }
      line.send({ kind: 'complete' });
      return line.result();
    });
  }

  /** A job that gives bytes, made as they are read. @param onEnd gets its result when all were read */
  read(job: Job, onEnd: (result: Result | undefined) => void = () => undefined): ByteReader {
    return readerOf(this.#pull(job, onEnd));
  }

  /** Ends the idle workers; those in work end when they are idle. */
  async close(): Promise<void> {
    await Promise.all([...this.#idle.keys()].map((worker) => this.#end(worker)));
  }

  /** The memory of the pieces goes to and fro: left to the garbage collector, it would be looked for among all of the daemon's every 30 MB. */
  async *#pull(job: Job, onEnd: (result: Result | undefined) => void): AsyncGenerator<Uint8Array> {
    const worker = await this.#take();
    const line = new Line<Job, Result>(worker);
    try {
      line.send({ kind: 'job', job });
      // The worker makes the next ones while this one is used. A pull that comes after the end is dropped.
      for (let sent = 0; sent < ahead; sent++) line.send({ kind: 'pull', spent: undefined });
      for (;;) {
        const answer = await line.answer();
        if (answer.kind === 'done') {
          onEnd(answer.result);
          return;
        }
        if (answer.kind !== 'bytes') continue;
        yield answer.bytes;
        line.send({ kind: 'pull', spent: answer.bytes });
      }
    } finally {
      if (!line.isOver) line.send({ kind: 'cancel' });
      await line.settled();
      line.close();
      this.#give(worker);
    }
  }

  async #use<T>(work: (line: Line<Job, Result>) => Promise<T>): Promise<T> {
    const worker = await this.#take();
    const line = new Line<Job, Result>(worker);
    try {
      return await work(line);
    } finally {
      line.close();
      this.#give(worker);
    }
  }

  #take(): Promise<Worker> {
    for (const [worker, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(worker);
      worker.ref();
      return Promise.resolve(worker);
    }
    if (this.#count >= this.#limit) return new Promise((resolve) => this.#waiting.push(resolve));
    return Promise.resolve(this.#start());
  }

  #start(): Worker {
    this.#count++;
    const worker = new Worker(this.#script);
    // The job in work hears of it too; without a listener an idle worker's end would end the daemon.
    worker.on('error', () => {
      this.#dead.add(worker);
      if (this.#idle.has(worker)) this.#forget(worker);
    });
    return worker;
  }

  #give(worker: Worker): void {
    const dead = this.#dead.delete(worker);
    if (dead) this.#count--;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next(dead ? this.#start() : worker);
      return;
    }
    if (dead) return;
    worker.unref();
    this.#idle.set(worker, setTimeout(() => void this.#end(worker), idleMillis).unref());
  }

  async #end(worker: Worker): Promise<void> {
    this.#forget(worker);
    await worker.terminate();
  }

  #forget(idle: Worker): void {
    clearTimeout(this.#idle.get(idle));
    this.#idle.delete(idle);
    this.#count--;
  }
}

/** What goes along with a message instead of being copied. */
function memoryOf(message: ToWorker<unknown>): ArrayBuffer[] {
  if (message.kind === 'chunk') return [message.bytes.buffer];
  return message.kind === 'pull' && message.spent !== undefined ? [message.spent.buffer] : [];
}

/** One job's conversation with a worker. */
class Line<Job, Result> {
  readonly #worker: Worker;
  readonly #answers: FromWorker<Result>[] = [];
  #wake: (() => void) | undefined;
  #broken: Error | undefined;
  isOver = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', this.#hear).on('error', this.#fail);
  }

  readonly #hear = (message: FromWorker<Result>): void => {
    if (message.kind === 'done' || message.kind === 'failed') this.isOver = true;
    this.#answers.push(message);
    this.#wake?.();
  };

  readonly #fail = (error: Error): void => {
    this.#broken = error;
    this.isOver = true;
    this.#wake?.();
  };

  send(message: ToWorker<Job>): void {
    this.#worker.postMessage(message, memoryOf(message));
  }

  /** The next message. @throws what the worker failed with */
  async answer(): Promise<Exclude<FromWorker<Result>, { kind: 'failed' }>> {
    for (;;) {
      const message = this.#answers.shift();
      if (message?.kind === 'failed') throw revived(message.error);
      if (message !== undefined) return message;
      if (this.#broken !== undefined) throw this.#broken;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async result(): Promise<Result | undefined> {
    for (;;) {
      const message = await this.answer();
      if (message.kind === 'done') return message.result;
    }
  }

  /** Waits until the worker is done with the job, however it ended. */
  async settled(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.#worker.off('message', this.#hear).off('error', this.#fail);
  }
}

async function feed<Job, Result>(
  line: Line<Job, Result>,
  source: AsyncIterable<Uint8Array> | ByteReader,
): Promise<void> {
  let underway = 0;
  const free: Uint8Array<ArrayBuffer>[] = [];
  const hear = async (): Promise<void> => {
    const answer = await line.answer();
    if (answer.kind === 'taken') free.push(new Uint8Array(answer.bytes.buffer));
    underway--;
  };
  const memory = (): Uint8Array<ArrayBuffer> => free.pop() ?? new Uint8Array(gatherSize);
  const pieces = Symbol.asyncIterator in source ? gathered(source, memory) : read(source, memory);
  for await (const bytes of pieces) {
    line.send({ kind: 'chunk', bytes });
    underway++;
    if (underway === ahead) await hear();
  }
  while (underway > 0) await hear();
}

/** The same bytes in pieces of about `gatherSize`, each in memory that is handed over. */
async function* gathered(
  source: AsyncIterable<Uint8Array>,
  memory: () => Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let buffer = memory();
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + gatherSize - filled);
      buffer.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < gatherSize) continue;
      yield buffer;
      buffer = memory();
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

async function* read(
  source: ByteReader,
  memory: () => Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const buffer = memory();
    const count = await source.read(buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

function revived({ kind, code, message, hint }: CarriedError): Error {
  if (kind === undefined) return Object.assign(new Error(message), { code });
  return new BerthError(kind, code, message, hint === undefined ? {} : { hint });
}
