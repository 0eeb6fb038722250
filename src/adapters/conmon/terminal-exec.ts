import type { Socket } from 'node:net';
import { PassThrough, Readable, Writable } from 'node:stream';
import { adopt, setNonBlocking, setWindowSize } from '#adapters/linux/descriptors.ts';
import type { ExecProcess } from '#ports/runtime.ts';
import type { Ended } from './exec.ts';
import { kill } from './processes.ts';

/** An exec with a terminal: we hold its controlling side, and everything comes on `stdout`. */
export class TerminalExec implements ExecProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable = new PassThrough().end();
  readonly exit: Promise<{ exitCode: number }>;
  readonly #socket: Socket;
  readonly #fd: number;
  readonly #resized: () => void;
  #running = true;

  /**
   * @param terminal descriptor of the controlling side, owned from now on
   * @param resized called when it has a new size
   */
  constructor(pid: number, terminal: number, ended: Promise<Ended>, resized: () => void = () => undefined) {
    this.pid = pid;
    setNonBlocking(terminal);
    const { socket, fd } = adopt(terminal);
    this.#socket = socket;
    this.#fd = fd;
    this.#resized = resized;
    this.stdout = this.#output();
    this.stdin = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#socket.destroyed) done();
        else this.#socket.write(chunk, () => done());
      },
    });
    this.exit = this.#complete(ended);
    this.exit.catch(() => undefined);
  }

  #output(): Readable {
    const output = new Readable({ read: () => void this.#socket.resume() });
    this.#socket.on('data', (chunk) => {
      if (!output.push(chunk)) this.#socket.pause();
    });
    // EIO is how a terminal says that nobody has its other side any more.
    const end = (): void => {
      this.#running = false;
      output.push(null);
      this.#socket.destroy();
    };
    this.#socket.once('error', end);
    this.#socket.once('end', end);
    return output;
  }

  async #complete(ended: Promise<Ended>): Promise<{ exitCode: number }> {
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    const { exitCode } = await ended;
    this.#running = false;
    await closed;
    return { exitCode };
  }

  resize(columns: number, rows: number): Promise<void> {
    if (!this.#socket.destroyed) {
      setWindowSize(this.#fd, columns, rows);
      this.#resized();
    }
    return Promise.resolve();
  }

  signal(signal: number): void {
    if (this.#running) kill(this.pid, signal);
  }

  /** The terminal stays, because its end would hang the process up; what comes is thrown away. */
  close(): void {
    this.stdout.resume();
  }
}
