import { Worker } from 'node:worker_threads';
import type { PeerRequest } from './peer-worker.ts';

interface Answer {
  id: number;
  value: string;
  error?: string;
}

/** A program in a network namespace that serves and calls by TCP and UDP. */
export class Peer implements AsyncDisposable {
  readonly #worker = new Worker(new URL('./peer-worker.ts', import.meta.url));
  readonly #open = new Map<number, (answer: Answer) => void>();
  #last = 0;

  private constructor() {
    this.#worker.on('message', (answer: Answer) => this.#open.get(answer.id)?.(answer));
  }

  static async in(namespace: string): Promise<Peer> {
    const peer = new Peer();
    await peer.#ask({ do: 'enter', namespace });
    return peer;
  }

  /** Answers each connection with the greeting and the caller's address. */
  async serveTcp(port: number, greeting = 'tcp'): Promise<void> {
    await this.#ask({ do: 'serve-tcp', port, greeting });
  }

  /** Answers each datagram with the greeting, the caller's address and the datagram. */
  async serveUdp(port: number, greeting = 'udp'): Promise<void> {
    await this.#ask({ do: 'serve-udp', port, greeting });
  }

  /** Answers what is said on a connection with the greeting and it, for as long as the connection lasts. */
  async serveEcho(port: number, greeting: string): Promise<void> {
    await this.#ask({ do: 'serve-echo', port, greeting });
  }

  /** How often each answer came to that many calls, one after another. */
  async tally(host: string, port: number, calls: number): Promise<Record<string, number>> {
    const parse: (text: string) => Record<string, number> = JSON.parse;
    return parse(await this.#ask({ do: 'tally', host, port, calls }));
  }

  /** A connection that stays open: `say` gives what comes back, `hear` what comes without a word, or the error's code. */
  async open(
    host: string,
    port: number,
  ): Promise<{
    say: (text: string) => Promise<string>;
    hear: () => Promise<string>;
    close: () => Promise<string>;
  }> {
    const connection = Number(await this.#ask({ do: 'open', host, port }));
    return {
      say: (text) => this.#ask({ do: 'say', connection, text }),
      hear: () => this.#ask({ do: 'hear', connection }),
      close: () => this.#ask({ do: 'close', connection }),
    };
  }

  /** What is said on a connection, or the error's code. */
  tcp(host: string, port: number): Promise<string> {
    return this.#ask({ do: 'tcp', host, port });
  }

  /** The answer, or TIMEOUT after `patience` milliseconds. */
  udp(host: string, port: number, message: string, patience = 1000, from = 0): Promise<string> {
    return this.#ask({ do: 'udp', host, port, message, patience, from });
  }

  /** Addresses of a name in a line, or the error's code. */
  resolve(server: string, name: string, type: 'A' | 'AAAA' | 'SRV' = 'A'): Promise<string> {
    return this.#ask({ do: 'resolve', server, name, type });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: PeerRequest): Promise<string> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#open.set(id, (answer) => {
        this.#open.delete(id);
        if (answer.error === undefined) resolve(answer.value);
        else reject(new Error(answer.error));
      });
      this.#worker.postMessage({ id, request });
    });
  }
}
