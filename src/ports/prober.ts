import type { NetworkProbe } from '#domain/container/probe.ts';

export interface Look {
  /** Of the container, as the host reaches it; IPv6 without brackets. */
  address: string;
  action: NetworkProbe;
  /** Milliseconds. */
  timeout: number;
  signal: AbortSignal;
}

/** Looks at a server over the network, from the host, without a process of its own. */
export interface Prober {
  /**
   * Ends within the timeout, and leaves no connection behind. `output` says in words what was found.
   * @throws only the signal's reason
   */
  look(look: Look): Promise<{ success: boolean; output: string }>;
}
