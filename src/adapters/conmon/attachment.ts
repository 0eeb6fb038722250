import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { adopt, connectSeqpacket, duplicate } from '#adapters/linux/descriptors.ts';
import { close } from '#adapters/linux/libc.ts';
import type { Stdio } from '#ports/runtime.ts';

/** conmon reads messages into a buffer of 8,192 bytes and drops what is longer. */
const longestMessage = 8000;
const stderrMark = 3;

/**
 * A connection to conmon's attach socket (SOCK_SEQPACKET). Each message from conmon begins with a byte that
 * tells the stream; messages to conmon are stdin. Reading stops while a consumer is slow, which makes conmon
 * and so the container wait: nothing is dropped.
 */
export class Attachment implements Stdio {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #socket: Socket;
  readonly #closesStdin: boolean;
  /** From which the output comes: `#socket`, until that fails. */
  #source: Socket;
  /** The same connection once more, for the output that is left when a socket fails. */
  #spare: number | undefined;
  #stdinUsed = false;

  /** @param closesStdin the end of the connection closes the container's stdin */
  constructor(path: string, closesStdin: boolean) {
    const connection = connectSeqpacket(path);
    this.#spare = duplicate(connection);
    this.#socket = adopt(connection).socket;
    this.#source = this.#socket;
    this.#closesStdin = closesStdin;
    const resume = (): void => void this.#source.resume();
    this.stdout = new Readable({ read: resume });
    this.stderr = new Readable({ read: resume });
    this.stdin = this.#input();
    this.#receive();
  }

  #receive(): void {
    const source = this.#source;
    // One read of the socket is one message, and Node does not join what it read.
    source.on('data', (message: Buffer) => {
      const stream = message[0] === stderrMark ? this.stderr : this.stdout;
      // A client that wants one stream only destroys the other.
      if (!stream.destroyed && !stream.push(message.subarray(1))) source.pause();
    });
    source.once('end', () => this.#end());
    // conmon's end with unread input in its socket is a reset, which the kernel tells before the output that is left.
    source.once('error', () => this.#readOn());
  }

  /** Reads what a failed socket has left: an error is told once, and Node closes its own descriptor then. */
  #readOn(): void {
    const rest = this.#spare;
    if (rest === undefined) return;
    this.#spare = duplicate(rest);
    this.#source = adopt(rest).socket;
    this.#receive();
  }

  #end(): void {
    this.stdout.push(null);
    this.stderr.push(null);
    this.#destroy();
  }

  #destroy(): void {
    this.#socket.destroy();
    this.#source.destroy();
    this.#dropSpare();
  }

  #dropSpare(): void {
    if (this.#spare !== undefined) close(this.#spare);
    this.#spare = undefined;
  }

  #input(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#stdinUsed = true;
        this.#send(chunk, 0, done);
      },
      final: (done) => {
        this.#stdinUsed = true;
        if (this.#socket.destroyed) done();
        else this.#socket.end(done);
      },
    });
  }

  #send(chunk: Buffer, from: number, done: (error?: Error | null) => void): void {
    if (from >= chunk.length) {
      done();
      return;
    }
    if (!this.#socket.writable) {
      // The process is gone or closed its input: what is typed goes nowhere, as on Docker.
      done();
      return;
    }
    this.#socket.write(chunk.subarray(from, from + longestMessage), (error) => {
      if (error) done();
      else this.#send(chunk, from + longestMessage, done);
    });
  }

  close(): void {
    this.stdin.destroy();
    this.stdout.destroy();
    this.stderr.destroy();
    this.#source.removeAllListeners('data');
    // Closing would end the container's stdin although this client never had it: read on and throw away.
    if (this.#closesStdin && !this.#stdinUsed && !this.#socket.destroyed) {
      this.#dropSpare();
      this.#socket.on('data', () => undefined).unref();
    } else this.#destroy();
  }
}
