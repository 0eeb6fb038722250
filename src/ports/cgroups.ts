/** One reading of a container's control group. Counters never go back while the container runs. */
export interface CgroupUsage {
  cpu: {
    totalNanos: number;
    userNanos: number;
    systemNanos: number;
    periods: number;
    throttledPeriods: number;
    throttledNanos: number;
  };
  /** Bytes; `limit` is 0 without a limit; `cache` is inactive file memory, which Docker takes off the usage. */
  memory: { usage: number; peak: number; limit: number; cache: number; stats: Record<string, number> };
  pids: { current: number; limit: number };
  io: { readBytes: number; writeBytes: number; reads: number; writes: number };
  /** How often the kernel killed something here for want of memory. */
  oomKills: number;
}

/** Reads control groups, whichever version the host has. */
export interface Cgroups {
  readonly version: 1 | 2;
  /** `path` as in the runtime spec's cgroupsPath. Undefined when the group is gone. */
  usage(path: string): Promise<CgroupUsage | undefined>;
  /** As `oomKills` of the usage, without reading all the rest; 0 when the group is gone. */
  oomKills(path: string): number;
  /**
   * Says that a process will be moved into a group soon. The kernel makes the first move after a pause wait (for some
   * 10 ms), and that wait begins now.
   */
  expectMove(): void;
  /** Calls back each time that a group with a limit has used up its memory; gives what ends that. */
  watchOom(path: string, onOom: () => void): () => void;
  /** Process ids in the group, in the host's namespace; none when it is gone. */
  processes(path: string): Promise<number[]>;
  /** Whether the group's processes are stopped by the freezer. */
  isFrozen(path: string): Promise<boolean>;
  /** Removes an empty group in every hierarchy. Idempotent. */
  remove(path: string): Promise<void>;
  /** Groups below `parent`, for clean-up after a crash. */
  list(parent: string): Promise<string[]>;
}
