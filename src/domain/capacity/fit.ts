import { formatBytes } from '#domain/units/bytes.ts';
import type { Demand } from './demand.ts';

/** Who was promised something: a service with its replicas, or a container of no app. */
export interface Holding {
  /** APP/SERVICE, or the container's name. */
  name: string;
  count: number;
  demand: Demand;
  /** Bytes that one may use at most; absent: all there is. */
  memoryLimit?: number;
}

const nouns = ['memory', 'cpus'] as const;

export function totalOf(holdings: readonly Holding[]): Demand {
  const sum = { memory: 0, cpus: 0 };
  for (const { count, demand } of holdings) for (const noun of nouns) sum[noun] += count * demand[noun];
  return sum;
}

/** How many more replicas fit into what is left, and in words what one more lacks. */
export function roomFor(demand: Demand, free: Demand): { more: number; missing: string } {
  const counts = nouns.map((noun) =>
    demand[noun] === 0 ? Infinity : Math.max(0, Math.floor(free[noun] / demand[noun] + 1e-9)),
  );
  const more = Math.min(...counts);
  if (more === Infinity) return { more, missing: '' };
  const short = nouns.flatMap((noun, index) => {
    if (counts[index] !== more) return [];
    const left = Math.max(0, free[noun] - more * demand[noun]);
    const needs = amount(noun, demand[noun]);
    return `each needs ${needs}, ${amount(noun, left)} would be left, ${amount(noun, demand[noun] - left)} is missing`;
  });
  return { more, missing: short.join('; ') };
}

/** In words where more was promised than there is; empty when all fits. */
export function shortages(holdings: readonly Holding[], capacity: Demand): string[] {
  const sum = totalOf(holdings);
  return nouns.flatMap((noun) => {
    if (sum[noun] <= capacity[noun] + 1e-9) return [];
    const all = holdings
      .filter((one) => one.count > 0 && one.demand[noun] > 0)
      .toSorted((a, b) => b.count * b.demand[noun] - a.count * a.demand[noun])
      .map(
        ({ name, count, demand }) =>
          `${name} ${count === 1 ? '' : `${count} x `}${amount(noun, demand[noun])}`,
      );
    const shown = all.length > 5 ? [...all.slice(0, 5), `${all.length - 5} more`] : all;
    return `${amount(noun, sum[noun])} are reserved, but the machine has ${amount(noun, capacity[noun])} (${shown.join(', ')})`;
  });
}

/** A sentence when containers may together use more memory than there is, though less was promised. */
export function overcommitment(holdings: readonly Holding[], capacity: Demand): string | undefined {
  const sum = holdings.reduce((all, { count, memoryLimit = 0 }) => all + count * memoryLimit, 0);
  if (sum <= capacity.memory) return undefined;
  return `the memory limits together are ${formatBytes(sum)}, but the machine has ${formatBytes(capacity.memory)}: when all use what they may, the kernel kills some`;
}

function amount(noun: (typeof nouns)[number], value: number): string {
  return noun === 'memory' ? `${formatBytes(value)} of memory` : `${Number(value.toFixed(2))} cpus`;
}
