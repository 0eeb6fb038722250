import { conflict, notFound } from '#base/errors.ts';
import { KeyedMutex } from '#base/mutex.ts';
import { checkSocket, type NewSocket, type ScopedSocket } from '#domain/access/scope.ts';
import type { Clock } from '#ports/clock.ts';
import type { OpenSocket, SocketOpener } from '#ports/socket-opener.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface SocketParts {
  store: StateStore;
  clock: Clock;
  report: (problem: string, error: unknown) => void;
}

/** Sockets that allow a part of the API. They are there again after a restart. */
export class Sockets {
  readonly #parts: SocketParts;
  readonly #stored: Collection<ScopedSocket>;
  readonly #open = new Map<string, OpenSocket>();
  readonly #locks = new KeyedMutex();
  #opener: SocketOpener | undefined;

  constructor(parts: SocketParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<ScopedSocket>('sockets');
  }

  /** Opens what is stored. One that cannot be opened is reported, and the others are opened. */
  async serve(opener: SocketOpener): Promise<void> {
    this.#opener = opener;
    for (const socket of this.list())
      await opener.open(socket).then(
        (open) => void this.#open.set(socket.path, open),
        (error: unknown) => this.#parts.report(`the socket ${socket.path} is not served`, error),
      );
  }

  list(): ScopedSocket[] {
    return this.#stored.entries().map(([, socket]) => socket);
  }

  /** @throws as checkSocket and SocketOpener.open; conflict `socket-exists` */
  create(wanted: NewSocket): Promise<ScopedSocket> {
    const socket = { ...checkSocket(wanted), created: this.#parts.clock.timestamp() };
    const { path } = socket;
    return this.#locks.run(path, async () => {
      if (this.#stored.get(path) !== undefined)
        throw conflict('socket-exists', `create socket '${path}': there is one already`, {
          hint: `berth socket rm ${path}`,
        });
      // In the store first: what a crash leaves half open is opened by the next start.
      this.#stored.put(path, socket);
      try {
        await this.#serve(socket);
      } catch (error) {
        this.#stored.delete(path);
        throw error;
      }
      return socket;
    });
  }

  async #serve(socket: ScopedSocket): Promise<void> {
    const open = await this.#opener?.open(socket);
    if (open !== undefined) this.#open.set(socket.path, open);
  }

  /** @throws not-found `socket-missing` */
  remove(path: string): Promise<void> {
    return this.#locks.run(path, async () => {
      if (this.#stored.get(path) === undefined)
        throw notFound('socket-missing', `no such socket: ${path}`, { hint: 'berth socket ls' });
      await this.#open.get(path)?.close();
      this.#open.delete(path);
      this.#stored.delete(path);
    });
  }

  /** The daemon stops: the files go, and come back with the next start. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.close()));
    this.#open.clear();
  }
}
