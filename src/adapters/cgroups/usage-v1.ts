import type { CgroupUsage } from '#ports/cgroups.ts';
import { readGroupFile, readNumber, readTable } from './files.ts';

/** Folder of the group for a controller. */
export type FolderOf = (controller: string) => string | undefined;

/** Kernel documentation: admin-guide/cgroup-v1. */
export function usageV1(folder: FolderOf): CgroupUsage {
  const memory = memoryV1(folder('memory'));
  return {
    cpu: cpuV1(folder),
    memory,
    pids: {
      current: readNumber(folder('pids'), 'pids.current'),
      limit: readNumber(folder('pids'), 'pids.max'),
    },
    io: ioV1(folder('blkio')),
    oomKills: oomKillsV1(folder('memory')),
  };
}

export function oomKillsV1(memory: string | undefined): number {
  return readTable(memory, 'memory.oom_control').oom_kill ?? 0;
}

/** cpuacct counts nanoseconds; cpu.stat's throttled_time is nanoseconds too. */
function cpuV1(folder: FolderOf): CgroupUsage['cpu'] {
  const account = folder('cpuacct');
  const throttling = readTable(folder('cpu'), 'cpu.stat');
  return {
    totalNanos: readNumber(account, 'cpuacct.usage'),
    userNanos: readNumber(account, 'cpuacct.usage_user'),
    systemNanos: readNumber(account, 'cpuacct.usage_sys'),
    periods: throttling.nr_periods ?? 0,
    throttledPeriods: throttling.nr_throttled ?? 0,
    throttledNanos: throttling.throttled_time ?? 0,
  };
}

/** Without a limit the kernel shows the largest page-aligned 63-bit number. */
const noLimit = 2 ** 62;

function memoryV1(folder: string | undefined): CgroupUsage['memory'] {
  const stats = readTable(folder, 'memory.stat');
  const limit = readNumber(folder, 'memory.limit_in_bytes');
  return {
    usage: readNumber(folder, 'memory.usage_in_bytes'),
    peak: readNumber(folder, 'memory.max_usage_in_bytes'),
    limit: limit > noLimit ? 0 : limit,
    cache: stats.total_inactive_file ?? 0,
    stats,
  };
}

/** Lines `8:0 Read 4096`; the throttling layer's counters exist with every I/O scheduler. */
function ioV1(folder: string | undefined): CgroupUsage['io'] {
  const sum = (file: string, operation: string): number =>
    (readGroupFile(folder, file) ?? '')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, name]) => name === operation)
      .reduce((total, [, , value]) => total + Number(value), 0);
  return {
    readBytes: sum('blkio.throttle.io_service_bytes', 'Read'),
    writeBytes: sum('blkio.throttle.io_service_bytes', 'Write'),
    reads: sum('blkio.throttle.io_serviced', 'Read'),
    writes: sum('blkio.throttle.io_serviced', 'Write'),
  };
}
