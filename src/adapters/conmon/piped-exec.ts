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
    // Node throws away what a child printed that nobody reads when it ends: take it at once.
    const [output, errors] = [new PassThrough(), new PassThrough()];
    this.stdin = child.stdin ?? nowhere();
    this.stdout = output;
    this.stderr = errors;
    child.stdout?.pipe(output);
    // The process may end, or close its input, with input on the way.
    this.stdin.on('error', () => undefined);
    child.stderr?.pipe(errors, { end: false });
    const sources = [child.stdout, child.stderr].map(
      (source) => source && finished(source).catch(() => undefined),
    );
    this.exit = this.#complete(errors, sources, ended);
    this.exit.catch(() => undefined);
  }

  async #complete(
    errors: PassThrough,
    sources: unknown[],
    ended: Promise<Ended>,
  ): Promise<{ exitCode: number }> {
    try {
      const { exitCode, message } = await ended;
      this.#running = false;
      await Promise.all(sources);
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

function nowhere(): Writable {
  return new PassThrough().resume();
}
