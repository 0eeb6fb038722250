import { parentPort, Worker } from 'node:worker_threads';
import { SystemCallError } from '#adapters/linux/libc.ts';
import { BerthError, messageOf, type ErrorKind } from '#base/errors.ts';

// Calls into a worker thread, for system calls and libraries that block or that move the thread.

/** The calls that a worker answers: name to request and reply, both structured-cloneable. */
type CallsOf<C> = { [K in keyof C]: { request: unknown; reply: unknown } };

interface Failure {
  message: string;
  system?: { syscall: string; errno: number; about: string };
  berth?: { kind: ErrorKind; code: string };
}

interface Answer {
  id: number;
  value: never;
  failure?: Failure;
}

/** How calls are made, wherever they are answered. */
export interface Calls<C extends CallsOf<C>> {
  call<K extends keyof C>(name: K, request: C[K]['request']): Promise<C[K]['reply']>;
}

/** What answers each call. */
export type CallHandlers<C extends CallsOf<C>> = {
  [K in keyof C]: (request: C[K]['request']) => C[K]['reply'];
};

/** The main thread's end. The worker keeps the process alive only while a call is under way. */
export class WorkerCalls<C extends CallsOf<C>> implements Calls<C> {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (reason: unknown) => void }>();
  #last = 0;
  /** Why there is no worker any more. */
  #ended: Error | undefined;

  constructor(script: URL) {
    this.#worker = new Worker(script);
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new Error(`the worker '${script.pathname}' has ended`)));
  }

  call<K extends keyof C>(name: K, request: C[K]['request']): Promise<C[K]['reply']> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#last += 1;
      this.#open.set(this.#last, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id: this.#last, name, request });
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: Answer): void {
    const caller = this.#open.get(answer.id);
    this.#open.delete(answer.id);
    if (this.#open.size === 0) this.#worker.unref();
    if (answer.failure === undefined) caller?.resolve(answer.value);
    else caller?.reject(restored(answer.failure));
  }

  #end(reason: unknown): void {
    this.#ended ??= reason instanceof Error ? reason : new Error(messageOf(reason));
    for (const caller of this.#open.values()) caller.reject(this.#ended);
    this.#open.clear();
  }
}

function restored(failure: Failure): Error {
  const { message, system, berth } = failure;
  if (system !== undefined) return new SystemCallError(system.syscall, system.errno, system.about);
  if (berth !== undefined) return new BerthError(berth.kind, berth.code, message);
  return new Error(message);
}

/** The worker's end: answers each call by the handler of its name, one after another. */
export function serveCalls<C extends CallsOf<C>>(handlers: CallHandlers<C>): void {
  const port = parentPort;
  if (port === null) throw new Error('this module runs in a worker thread only');
  port.on('message', (message: { id: number; name: keyof C; request: C[keyof C]['request'] }) => {
    try {
      port.postMessage({ id: message.id, value: handlers[message.name](message.request) });
    } catch (error) {
      port.postMessage({ id: message.id, failure: failureOf(error) });
    }
  });
}

function failureOf(error: unknown): Failure {
  const message = messageOf(error);
  if (error instanceof BerthError) return { message, berth: { kind: error.kind, code: error.code } };
  if (!(error instanceof SystemCallError)) return { message };
  const { syscall, errno, about } = error;
  return { message, system: { syscall, errno, about } };
}
