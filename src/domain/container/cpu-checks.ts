import { invalid } from '#base/errors.ts';
import type { Resources } from '#domain/container/config.ts';
import { cpuNumbers } from '#domain/container/cpu-list.ts';
import type { HostFacts } from '#domain/container/spec-input.ts';

/**
 * Refuses processors and memory nodes that the host does not have, in Docker's words.
 * @throws invalid `cpus-invalid`, `cpuset-invalid`, `realtime-unsupported`
 */
export function checkCpus(limits: Resources, { cpus }: Pick<HostFacts, 'cpus'>): void {
  const nano = limits.NanoCpus ?? 0;
  if (nano < 0 || nano > cpus.count * 1e9)
    throw invalid(
      'cpus-invalid',
      `range of CPUs is from 0.01 to ${cpus.count}.00, as there are only ${cpus.count} CPUs available`,
    );
  checkSet('cpus', 'CPUs', limits.CpusetCpus ?? '', cpus.online);
  checkSet('mems', 'memory nodes', limits.CpusetMems ?? '', cpus.nodes);
  if ((limits.CpuRealtimeRuntime ?? 0) !== 0 || (limits.CpuRealtimePeriod ?? 0) !== 0)
    throw invalid(
      'realtime-unsupported',
      'CPU real-time scheduling (--cpu-rt-period, --cpu-rt-runtime) is not supported: the control group of this engine has no real-time budget',
    );
}

function checkSet(name: 'cpus' | 'mems', what: string, asked: string, available: string): void {
  const wanted = cpuNumbers(asked);
  if (wanted === undefined)
    throw invalid('cpuset-invalid', `Invalid value ${asked} for cpuset ${name}: invalid format: ${asked}`);
  const there = new Set(cpuNumbers(available));
  if (wanted.every((number) => there.has(number))) return;
  throw invalid(
    'cpuset-invalid',
    `Requested ${what} are not available - requested ${asked}, available: ${available}`,
  );
}
