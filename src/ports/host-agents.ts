import type { Duplex } from 'node:stream';

/** An SSH agent of this machine. */
export interface HostAgent {
  /** A connection to it. */
  connect(): Duplex;
  /** Forgets the keys that it was started for. Idempotent. */
  close(): Promise<void>;
}

export interface HostAgents {
  /**
   * The agent behind a socket; or one of its own with the keys of these files, until it is closed.
   * @throws not-found `ssh-agent-missing` where a path is not there; invalid `ssh-key-invalid` for what is no usable key, such as
   * one with a passphrase; unavailable `ssh-missing` without OpenSSH's client
   */
  open(paths: readonly string[]): Promise<HostAgent>;
}
