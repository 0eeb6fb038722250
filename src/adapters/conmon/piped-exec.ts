import type { ChildProcess } from 'node:child_process';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { conflict } from '#base/errors.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import type { Ended } from './exec.ts';
import { kill } from './processes.ts';

/** An exec without a terminal: its streams are pipes to `crun exec`, which hands them to the process. */
export class PipedExec implements ExecProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<{ exitCode: number }>;
  #running = true;

  constructor(pid: number, child: ChildProcess, ended: Promise<Ended>) {
    this.pid = pid;
    const errors = new PassThrough();
    this.stdin = child.stdin ?? nowhere();
    this.stdout = child.stdout ?? nothing();
    this.stderr = errors;
    // The process may end, or close its input, with input on the way.
    this.stdin.on('error', () => undefined);
    child.stderr?.pipe(errors, { end: false });
    this.exit = this.#complete(child, errors, ended);
    this.exit.catch(() => undefined);
  }

  async #complete(
    child: ChildProcess,
    errors: PassThrough,
    ended: Promise<Ended>,
  ): Promise<{ exitCode: number }> {
    const output = child.stdout === null ? undefined : finished(child.stdout).catch(() => undefined);
    const source = child.stderr === null ? undefined : finished(child.stderr).catch(() => undefined);
    try {
      const { exitCode, message } = await ended;
      this.#running = false;
      await Promise.all([output, source]);
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

function nothing(): Readable {
  return new PassThrough().end();
}

function nowhere(): Writable {
  return new PassThrough().resume();
}
