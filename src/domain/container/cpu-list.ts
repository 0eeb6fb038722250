/** The numbers of a list such as `0-2,7`; undefined when it is none. */
export function cpuNumbers(list: string): number[] | undefined {
  const numbers: number[] = [];
  for (const part of list.split(',').filter((text) => text !== '')) {
    const [, low = '', high = low] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (low === '' || Number(high) < Number(low)) return undefined;
    for (let number = Number(low); number <= Number(high); number++) numbers.push(number);
  }
  return numbers;
}

/** The list of numbers as the kernel writes it. */
export function cpuList(numbers: Iterable<number>): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const number of sorted) {
    const last = runs.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([low, high]) => (low === high ? String(low) : `${low}-${high}`)).join(',');
}
