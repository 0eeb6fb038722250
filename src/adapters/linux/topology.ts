import { existsSync, readFileSync } from 'node:fs';
import type { MachineNode } from '#domain/capacity/cpus.ts';
import { cpuNumbers } from '#domain/container/cpu-list.ts';

/** Of the text of /proc/PID/status: the processors on which the process may run, such as `0-3`. */
export function allowedCpus(status: string): string {
  return /^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1] ?? '';
}

/**
 * Memory nodes with the processors that are on and allowed; a kernel without memory nodes has one.
 * @param folder /sys/devices/system
 * @param allowed as `allowedCpus` gives it
 */
export function readTopology(folder: string, allowed: string): MachineNode[] {
  const mine = new Set(cpuNumbers(allowed));
  const text = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8').trim();
  const cpusIn = (file: string): number[] => (cpuNumbers(text(file)) ?? []).filter((cpu) => mine.has(cpu));
  if (!existsSync(`${folder}/node/online`)) return [{ id: 0, cpus: cpusIn('cpu/online'), memory: 0 }];
  return (cpuNumbers(text('node/online')) ?? []).map((id) => {
    const kib = /MemTotal:\s+(\d+) kB/.exec(text(`node/node${id}/meminfo`))?.[1] ?? 0;
    return { id, cpus: cpusIn(`node/node${id}/cpulist`), memory: Number(kib) * 1024 };
  });
}
