import type { HostConfig, Resources, ThrottleDevice } from '#domain/container/config.ts';
import type { ProcessSpec, ResourcesSpec, ThrottleSpec } from '#domain/container/runtime-spec.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';

type BlockDevices = Record<string, { major: number; minor: number }>;

/** Stands for "no limit" in a resource limit; written as the largest unsigned 64-bit number. */
export const unlimited = Number.POSITIVE_INFINITY;

/** Docker's period for NanoCpus, in microseconds. */
const nanoCpuPeriod = 100_000;

/** The limits of a container, without what the host cannot enforce (`resourceWarnings` tells). */
export function resourceLimits(
  config: Resources,
  host: HostFacts,
  blockDevices: BlockDevices = {},
): Omit<ResourcesSpec, 'devices'> {
  const parts: Omit<ResourcesSpec, 'devices'> = {};
  const memory = memoryLimits(config, host);
  const cpu = cpuLimits(config, host);
  const blockIO = blockLimits(config, host, blockDevices);
  if (Object.keys(memory).length > 0) parts.memory = memory;
  if (Object.keys(cpu).length > 0) parts.cpu = cpu;
  if (Object.keys(blockIO).length > 0) parts.blockIO = blockIO;
  if (has(host, 'pids') && (config.PidsLimit ?? 0) > 0) parts.pids = { limit: config.PidsLimit ?? 0 };
  return parts;
}

function memoryLimits(config: Resources, host: HostFacts): NonNullable<ResourcesSpec['memory']> {
  const memory: NonNullable<ResourcesSpec['memory']> = {};
  if (!has(host, 'memory')) return memory;
  const limit = config.Memory ?? 0;
  if (limit > 0) memory.limit = limit;
  if ((config.MemoryReservation ?? 0) > 0) memory.reservation = config.MemoryReservation ?? 0;
  const swap = memorySwap(config);
  if (host.swapAccounting && swap !== 0) memory.swap = swap;
  const swappiness = config.MemorySwappiness ?? -1;
  if (host.cgroupVersion === 1 && swappiness >= 0) memory.swappiness = swappiness;
  if (host.cgroupVersion === 1 && config.OomKillDisable === true) memory.disableOOMKiller = true;
  return memory;
}

/** Memory and swap together, in bytes: Docker gives as much swap as memory when nothing is said; -1 is no limit. */
function memorySwap(config: Pick<Resources, 'Memory' | 'MemorySwap'>): number {
  const given = config.MemorySwap ?? 0;
  const limit = config.Memory ?? 0;
  return given === 0 && limit > 0 ? limit * 2 : given;
}

function cpuLimits(config: Resources, host: HostFacts): NonNullable<ResourcesSpec['cpu']> {
  const cpu: NonNullable<ResourcesSpec['cpu']> = {};
  if (has(host, 'cpu')) {
    if (positive(config.CpuShares)) cpu.shares = config.CpuShares;
    if (positive(config.NanoCpus)) {
      cpu.period = nanoCpuPeriod;
      cpu.quota = Math.floor((config.NanoCpus * nanoCpuPeriod) / 1e9);
    }
    if (positive(config.CpuPeriod)) cpu.period = config.CpuPeriod;
    if (config.CpuQuota !== undefined && config.CpuQuota !== 0) cpu.quota = config.CpuQuota;
    if (positive(config.CpuRealtimePeriod)) cpu.realtimePeriod = config.CpuRealtimePeriod;
    if (positive(config.CpuRealtimeRuntime)) cpu.realtimeRuntime = config.CpuRealtimeRuntime;
  }
  if (has(host, 'cpuset')) {
    if (config.CpusetCpus) cpu.cpus = config.CpusetCpus;
    if (config.CpusetMems) cpu.mems = config.CpusetMems;
  }
  return cpu;
}

function positive(value: number | undefined): value is number {
  return value !== undefined && value > 0;
}

function blockLimits(
  config: Resources,
  host: HostFacts,
  numbers: BlockDevices,
): NonNullable<ResourcesSpec['blockIO']> {
  const block: NonNullable<ResourcesSpec['blockIO']> = {};
  if (!has(host, 'blkio') && !has(host, 'io')) return block;
  if (host.blkioWeight && positive(config.BlkioWeight)) block.weight = config.BlkioWeight;
  if (host.blkioWeight && config.BlkioWeightDevice?.length)
    block.weightDevice = config.BlkioWeightDevice.flatMap(({ Path, Weight }) =>
      numbers[Path] ? [{ ...numbers[Path], weight: Weight }] : [],
    );
  const throttle = (devices: ThrottleDevice[] | null | undefined): ThrottleSpec[] =>
    (devices ?? []).flatMap(({ Path, Rate }) => (numbers[Path] ? [{ ...numbers[Path], rate: Rate }] : []));
  const throttles = {
    throttleReadBpsDevice: throttle(config.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(config.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(config.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttle(config.BlkioDeviceWriteIOps),
  };
  for (const [name, rules] of Object.entries(throttles))
    if (rules.length > 0) Object.assign(block, { [name]: rules });
  return block;
}

function has(host: HostFacts, controller: string): boolean {
  return host.controllers.includes(controller);
}

/** What of the limits the host cannot enforce, in Docker's words. */
export function resourceWarnings(config: HostConfig, host: HostFacts): string[] {
  const without = (what: string): string =>
    `Your kernel does not support ${what} or the cgroup is not mounted. Limitation discarded.`;
  const checks: [boolean, string][] = [
    [positive(config.Memory) && !has(host, 'memory'), without('memory limit capabilities')],
    [
      positive(config.Memory) && has(host, 'memory') && !host.swapAccounting,
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    ],
    [positive(config.PidsLimit ?? 0) && !has(host, 'pids'), without('pids limit capabilities')],
    [positive(config.NanoCpus) && !has(host, 'cpu'), without('CPU CFS scheduler')],
    [positive(config.CpuShares) && !has(host, 'cpu'), without('CPU shares')],
    [Boolean(config.CpusetCpus || config.CpusetMems) && !has(host, 'cpuset'), without('cpuset')],
    [
      (positive(config.BlkioWeight) || (config.BlkioWeightDevice?.length ?? 0) > 0) && !host.blkioWeight,
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ],
    [
      host.cgroupVersion === 2 && config.OomKillDisable === true,
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    ],
    ...(config.Ulimits ?? []).map(({ Name, Hard, Soft }): [boolean, string] => {
      const ceiling = host.hardLimits[limitType(Name)] ?? unlimited;
      const wanted = Math.max(bounded(Hard), bounded(Soft));
      return [
        wanted > ceiling,
        `The limit ${Name} is above the daemon's own (${ceiling}), which it may not raise (CAP_SYS_RESOURCE). Limited to ${ceiling}.`,
      ];
    }),
  ];
  return checks.filter(([applies]) => applies).map(([, warning]) => warning);
}

/** Resource limits of the process, clamped to what the daemon may set. */
export function processLimits(config: HostConfig, host: HostFacts): NonNullable<ProcessSpec['rlimits']> {
  return (config.Ulimits ?? []).map(({ Name, Soft, Hard }) => {
    const type = limitType(Name);
    const hard = Math.min(bounded(Hard), host.hardLimits[type] ?? unlimited);
    return { type, soft: Math.min(bounded(Soft), hard), hard };
  });
}

function limitType(name: string): string {
  return `RLIMIT_${name.toUpperCase()}`;
}

function bounded(value: number): number {
  return value < 0 ? unlimited : value;
}
