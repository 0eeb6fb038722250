import { conflict } from '#base/errors.ts';
import type { HostConfig, Resources, RestartPolicy } from '#domain/container/config.ts';

/**
 * Refuses changes that contradict what a container has already, in the words of moby's UpdateContainer.
 * @throws conflict `update-conflict`
 */
export function checkUpdate(
  has: HostConfig,
  wanted: Resources & { RestartPolicy?: RestartPolicy | undefined },
): void {
  const set = (value: number | undefined): boolean => (value ?? 0) > 0;
  const policy = wanted.RestartPolicy?.Name ?? '';
  const clashes: [boolean, string][] = [
    [set(wanted.NanoCpus) && set(has.CpuPeriod), fixed('Nano CPUs', 'CPU Period')],
    [set(wanted.NanoCpus) && set(has.CpuQuota), fixed('Nano CPUs', 'CPU Quota')],
    [set(wanted.CpuPeriod) && set(has.NanoCpus), fixed('CPU Period', 'NanoCPUs')],
    [set(wanted.CpuQuota) && set(has.NanoCpus), fixed('CPU Quota', 'NanoCPUs')],
    [
      set(has.MemorySwap) && !wanted.MemorySwap && (wanted.Memory ?? 0) > (has.MemorySwap ?? 0),
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    ],
    [
      has.AutoRemove === true && policy !== '' && policy !== 'no',
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    ],
  ];
  const found = clashes.find(([clashing]) => clashing);
  if (found !== undefined) throw conflict('update-conflict', found[1]);
}

function fixed(changed: string, present: string): string {
  return `Conflicting options: ${changed} cannot be updated as ${present} has already been set`;
}
