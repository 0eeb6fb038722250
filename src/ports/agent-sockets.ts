import type { Duplex } from 'node:stream';

/** Sockets that containers find in their file system, and that the daemon answers. */
export interface AgentSockets {
  /**
   * Listens on a new socket of this owner (the host's ids) and mode; each connection is joined with what `connect` gives.
   * @param id names it until it is closed
   */
  open(
    id: string,
    owner: { uid: number; gid: number; mode: number },
    connect: () => Duplex,
  ): Promise<AgentSocket>;
}

export interface AgentSocket {
  /** Absolute path on the host. */
  path: string;
  /** Cuts its connections and removes it. Idempotent. */
  close(): Promise<void>;
}
