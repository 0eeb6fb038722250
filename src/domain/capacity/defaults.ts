import type { AppModel, Service } from '#domain/app/model.ts';
import type { Resources } from '#domain/container/config.ts';
import { formatBytes, parseBytes } from '#domain/units/bytes.ts';

/** What containers of apps get that set nothing themselves; 0: nothing. */
export interface ResourceDefaults {
  /** Bytes. */
  memory: number;
  pids: number;
  /** cpu.shares, 1024 being usual. */
  cpuShares: number;
}

/** `none`, `25%` of the machine's memory, `512m` in bytes; undefined when it is none of these. */
export function memoryDefault(text: string, machine: number): number | undefined {
  if (text === 'none') return 0;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  return percent === undefined ? parseBytes(text) : Math.floor((machine * Number(percent)) / 100);
}

/** The app with what its services do not set themselves, and in words what that is. */
export function withDefaults(
  model: AppModel,
  defaults: ResourceDefaults,
): { model: AppModel; notes: string[] } {
  const notes: string[] = [];
  let services = model.services;
  const give = (
    value: number,
    words: string,
    field: keyof Resources,
    lacks: (one: Service) => boolean,
  ): void => {
    const names = Object.values(services).flatMap((one) => (lacks(one) ? [one.name] : []));
    if (value === 0 || names.length === 0) return;
    notes.push(`${names.join(', ')}: ${words} by default, since none is set`);
    const given = names.flatMap((name) => {
      const one = services[name];
      return one === undefined ? [] : [[name, { ...one, host: { ...one.host, [field]: value } }] as const];
    });
    services = { ...services, ...Object.fromEntries(given) };
  };
  const { memory, pids, cpuShares } = defaults;
  give(pids, `at most ${pids} processes`, 'PidsLimit', ({ host }) => host.PidsLimit === undefined);
  give(memory, `at most ${formatBytes(memory)} of memory`, 'Memory', ({ host }) => host.Memory === undefined);
  give(cpuShares, `cpu_shares ${cpuShares}`, 'CpuShares', ({ host }) => host.CpuShares === undefined);
  return { model: { ...model, services }, notes };
}
