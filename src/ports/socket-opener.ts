import type { ScopedSocket } from '#domain/access/scope.ts';

/** Makes scoped sockets answer. */
export interface SocketOpener {
  /**
   * Listens; a socket that a crash left there is replaced.
   * @throws conflict `socket-in-use`, `socket-path-taken`; unavailable `socket-failed`
   */
  open(socket: ScopedSocket): Promise<OpenSocket>;
}

export interface OpenSocket {
  /** Cuts its connections and removes its file. */
  close(): Promise<void>;
}
