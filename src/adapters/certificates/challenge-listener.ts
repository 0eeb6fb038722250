import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { systemCode } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';

/**
 * Answers an authority's questions by plain HTTP (RFC 8555, section 8.3) where nothing else does: it listens as long as there is
 * something to answer. Where the balancer has the port, that answers.
 */
export class ChallengeListener {
  readonly #addresses: readonly (string | undefined)[];
  readonly #port: number;
  readonly #answers = new Map<string, string>();
  readonly #turns = new KeyedMutex();
  #servers: Server[] = [];

  /** @param addresses of this machine; empty: all of them */
  constructor(addresses: readonly string[], port: number) {
    this.#addresses = addresses.length === 0 ? [undefined] : addresses;
    this.#port = port;
  }

  /** @param text undefined: there is nothing to answer at the path any more */
  set(path: string, text: string | undefined): Promise<void> {
    return this.#turns.run('', async () => {
      if (text === undefined) this.#answers.delete(path);
      else this.#answers.set(path, text);
      if (this.#answers.size === 0) await this.close();
      else if (this.#servers.length === 0) await this.#listen();
    });
  }

  async close(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    for (const server of servers) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  async #listen(): Promise<void> {
    for (const address of this.#addresses) {
      const server = createServer((request, response) => {
        const answer = this.#answers.get((request.url ?? '').split('?')[0] ?? '');
        response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(answer);
      });
      try {
        server.listen(this.#port, address);
        await once(server, 'listening');
        this.#servers.push(server);
      } catch (error) {
        if (systemCode(error) !== 'EADDRINUSE') throw error;
      }
    }
  }
}
