import { formatBytes } from '#domain/units/bytes.ts';

// Processors that a container has for itself, beside the nodes of the machine's memory (NUMA) that they belong to. One
// processor at least stays for everybody else.

/** A memory node of the machine with its processors. */
export interface MachineNode {
  id: number;
  cpus: readonly number[];
  /** Bytes; 0: not known. */
  memory: number;
}

export interface CpuWish {
  /** Processors of its own for each replica. */
  count: number;
  /** `node`: all of one node, with memory from there; `prefer`: where it can be; absent: as they come. */
  numa?: 'node' | 'prefer';
}

export interface CpuSet {
  cpus: number[];
  /** Nodes to which memory is bound; empty: to none. */
  nodes: number[];
}

/**
 * Processors for one; or in words what is missing.
 * @param before those that it had, which it gets again when they are free
 * @param kept how many of these must be left over
 */
export function pickCpus(
  machine: readonly MachineNode[],
  taken: ReadonlySet<number>,
  { count, numa }: CpuWish,
  before: readonly number[] = [],
  kept = 1,
): CpuSet | { missing: string } {
  const free = machine.map(({ id, cpus }) => ({ id, cpus: cpus.filter((cpu) => !taken.has(cpu)) }));
  const all = free.reduce((sum, { cpus }) => sum + cpus.length, 0);
  if (all - kept < count)
    return {
      missing: `${count} are needed, ${Math.max(0, all - kept)} are free; one stays for everybody else`,
    };
  const fitting = free
    .filter(({ cpus }) => cpus.length >= count)
    .toSorted((a, b) => had(b.cpus, before) - had(a.cpus, before) || a.cpus.length - b.cpus.length);
  const [node] = fitting;
  if (node !== undefined)
    return { cpus: first(node.cpus, count, before), nodes: numa === undefined ? [] : [node.id] };
  if (numa === 'node') {
    const most = Math.max(...free.map(({ cpus }) => cpus.length));
    return { missing: `${count} of one node are needed, no node has more than ${most} free` };
  }
  // The fullest first: as few nodes as can be.
  const spread = free.toSorted((a, b) => b.cpus.length - a.cpus.length).flatMap(({ cpus }) => cpus);
  return { cpus: first(spread, count, before), nodes: [] };
}

function had(cpus: readonly number[], before: readonly number[]): number {
  return cpus.filter((cpu) => before.includes(cpu)).length;
}

function first(cpus: readonly number[], count: number, before: readonly number[]): number[] {
  const again = cpus.filter((cpu) => before.includes(cpu));
  const others = cpus.filter((cpu) => !before.includes(cpu));
  return [...again, ...others].slice(0, count).sort((a, b) => a - b);
}

/** A service that asks for processors of its own. */
export interface CpuAsk {
  /** APP/SERVICE */
  name: string;
  replicas: number;
  wish: CpuWish;
  /** Bytes that one is promised. */
  memory: number;
  /** FILE:LINE where it asks. */
  at: string;
}

/** In words who does not find a place; empty when all do. The least movable choose first. */
export function cpuFaults(machine: readonly MachineNode[], asks: readonly CpuAsk[]): string[] {
  const taken = new Set<number>();
  const memory = new Map(machine.map((node) => [node.id, node.memory]));
  const strict = (ask: CpuAsk): number => (ask.wish.numa === 'node' ? 0 : 1);
  return asks
    .toSorted((a, b) => strict(a) - strict(b) || b.wish.count - a.wish.count)
    .flatMap((ask) => {
      for (let replica = 1; replica <= ask.replicas; replica += 1) {
        const found = place(machine, taken, memory, ask);
        if ('missing' in found)
          return [
            `${ask.at}: ${ask.name}: no processors of its own for replica ${replica}: ${found.missing}`,
          ];
        for (const cpu of found.cpus) taken.add(cpu);
      }
      return [];
    });
}

/** With the memory that is promised from the very node. */
function place(
  machine: readonly MachineNode[],
  taken: ReadonlySet<number>,
  memory: Map<number, number>,
  ask: CpuAsk,
): CpuSet | { missing: string } {
  if (ask.wish.numa !== 'node') return pickCpus(machine, taken, ask.wish);
  const roomy = machine.filter(({ id, memory: size }) => size === 0 || (memory.get(id) ?? 0) >= ask.memory);
  const others = new Set([
    ...taken,
    ...machine.filter((one) => !roomy.includes(one)).flatMap(({ cpus }) => cpus),
  ]);
  // Processors of nodes without that memory still serve everybody else.
  const found = pickCpus(machine, others, ask.wish, [], others.size > taken.size ? 0 : 1);
  if ('missing' in found)
    return roomy.length === machine.length
      ? found
      : {
          missing: `${found.missing}; ${formatBytes(ask.memory)} of memory are left on ${roomy.length} of ${machine.length} nodes`,
        };
  for (const id of found.nodes) memory.set(id, (memory.get(id) ?? 0) - ask.memory);
  return found;
}
