/** What the host's kernel and its `ps` tell of processes and of the machine's load. */
export interface HostProcesses {
  /**
   * Runs the host's ps and keeps the lines of these processes.
   * @throws invalid `ps-failed` with the words of ps
   */
  list(pids: number[], psArguments: string[]): Promise<{ titles: string[]; processes: string[][] }>;
  /** Time that all processors spent, and their number. */
  cpu(): { systemNanos: number; onlineCpus: number };
  /** TCP connections from elsewhere to what listens in the network namespace of a process; 0 when it has ended. */
  inboundConnections(pid: number): number;
  /** Bytes of memory of the machine. */
  memory(): number;
}
