import type { Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { conflict } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import type { Ended, Pipes } from './exec.ts';
import { kill } from './processes.ts';

/** An exec without a terminal: its streams are pipes to `crun exec`, which hands them to the process. */
export class PipedExec implements ExecProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<{ exitCode: number }>;
  #running = true;

  constructor(pid: number, pipes: Pipes | undefined, ended: Promise<Ended>) {
    this.pid = pid;
    const errors = new PassThrough();
    this.stdin = pipes?.stdin ?? nowhere();
    this.stdout = pipes?.stdout ?? new PassThrough().end();
    this.stderr = errors;
    pipes?.stderr.pipe(errors, { end: false });
    const complete = pipes === undefined ? [] : [pipes.stdout, pipes.stderr].map(closed);
    this.exit = this.#complete(errors, complete, ended);
    this.exit.catch(() => undefined);
  }

  async #complete(
    errors: PassThrough,
    complete: Promise<void>[],
    ended: Promise<Ended>,
  ): Promise<{ exitCode: number }> {
    try {
      const { exitCode, message } = await ended;
      this.#running = false;
      await Promise.all(complete);
      // The kernel refused the program after crun had let it go.
      if (message !== '') errors.write(`${message}\n`);
      return { exitCode };
    } finally {
      this.#running = false;
      errors.end();
    }
  }

  resize(): Promise<void> {
    return Promise.reject(conflict('exec-without-terminal', `resize exec ${this.pid}: it has no terminal`));
  }

  signal(signal: number): void {
    if (this.#running) kill(this.pid, signal);
  }

  /** The process goes on; what it prints is read and thrown away, so that it never waits. */
  close(): void {
    this.stdin.end();
    this.stdout.resume();
    this.stderr.resume();
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

function nowhere(): Writable {
  return new PassThrough().resume();
}
