import type { MachineNode } from '#domain/capacity/cpus.ts';

/** The machine as `docker info` and `docker version` describe it. */
export interface MachineFacts {
  hostname: string;
  kernelVersion: string;
  /** Such as `Debian GNU/Linux 12 (bookworm)`. */
  operatingSystem: string;
  osVersion: string;
  /** The kernel's word, such as x86_64. */
  machine: string;
  processors: number;
  /** Bytes. */
  memory: number;
  /** Memory nodes with the processors on which this process may run. */
  topology: readonly MachineNode[];
  cgroupVersion: 1 | 2;
  ipv4Forwarding: boolean;
  seccomp: boolean;
  apparmor: boolean;
  /** Open descriptors of this process. */
  descriptors: number;
}

export interface Machine {
  facts(): Promise<MachineFacts>;
}
