import type { CgroupUsage } from '#ports/cgroups.ts';
import { readGroupFile, readNumber, readTable } from './files.ts';

/** Kernel documentation: admin-guide/cgroup-v2. Times are in microseconds there. */
export function usageV2(folder: string): CgroupUsage {
  const cpu = readTable(folder, 'cpu.stat');
  const stats = readTable(folder, 'memory.stat');
  const nanos = (key: string): number => (cpu[key] ?? 0) * 1000;
  return {
    cpu: {
      totalNanos: nanos('usage_usec'),
      userNanos: nanos('user_usec'),
      systemNanos: nanos('system_usec'),
      periods: cpu.nr_periods ?? 0,
      throttledPeriods: cpu.nr_throttled ?? 0,
      throttledNanos: nanos('throttled_usec'),
    },
    memory: {
      usage: readNumber(folder, 'memory.current'),
      peak: readNumber(folder, 'memory.peak'),
      limit: readNumber(folder, 'memory.max'),
      cache: stats.inactive_file ?? 0,
      stats,
    },
    pids: { current: readNumber(folder, 'pids.current'), limit: readNumber(folder, 'pids.max') },
    io: ioV2(readGroupFile(folder, 'io.stat') ?? ''),
    oomKills: oomKillsV2(folder),
  };
}

export function oomKillsV2(folder: string): number {
  return readTable(folder, 'memory.events').oom_kill ?? 0;
}

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 ...`. */
function ioV2(text: string): CgroupUsage['io'] {
  const sum = (key: string): number =>
    [...text.matchAll(new RegExp(` ${key}=(\\d+)`, 'g'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { readBytes: sum('rbytes'), writeBytes: sum('wbytes'), reads: sum('rios'), writes: sum('wios') };
}
