import type { Service } from '#domain/app/model.ts';
import type { Resources } from '#domain/container/config.ts';

/** What one container is promised, or a machine has. */
export interface Demand {
  /** Bytes. */
  memory: number;
  /** Cores. */
  cpus: number;
}

/**
 * What a replica is counted for: what it reserves, and of memory, where it reserves nothing, its limit. A limit of
 * cpus promises nothing: processors are shared when all want them, memory that is gone kills. Processors of its own count.
 */
export function demandOf({ deploy, host, cpus }: Pick<Service, 'deploy' | 'host' | 'cpus'>): Demand {
  const reserved = deploy?.reservations;
  return {
    memory: reserved?.memory ?? demandOfHost(host).memory,
    cpus: Math.max(reserved?.cpus ?? 0, cpus?.count ?? 0),
  };
}

/** The same of a container that belongs to no app. */
export function demandOfHost(host: Pick<Resources, 'MemoryReservation' | 'Memory'>): Demand {
  return { memory: host.MemoryReservation || host.Memory || 0, cpus: 0 };
}

type CpuFields = 'NanoCpus' | 'CpuQuota' | 'CpuPeriod';

/** The kernel's, where only a quota is given (cpu.cfs_period_us); microseconds. */
const standardPeriod = 100_000;

/** Cores; undefined without a limit. */
export function cpuLimitOf({
  NanoCpus = 0,
  CpuQuota = 0,
  CpuPeriod = 0,
}: Pick<Resources, CpuFields>): number | undefined {
  if (NanoCpus > 0) return NanoCpus / 1e9;
  return CpuQuota > 0 ? CpuQuota / (CpuPeriod || standardPeriod) : undefined;
}
