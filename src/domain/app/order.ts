/** What must exist before what: for each name, the names that it needs. Names that are not keys are ignored. */
export type Needs = Readonly<Record<string, readonly string[]>>;

/**
 * The names so that each comes after what it needs, in order of the record where that is free; or the first
 * cycle, beginning and ending with the same name.
 */
export function dependencyOrder(needs: Needs): { order: string[] } | { cycle: string[] } {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): string[] | undefined => {
    if (done.has(name)) return undefined;
    const start = above.indexOf(name);
    if (start >= 0) return [...above.slice(start), name];
    for (const needed of needs[name] ?? []) {
      if (!(needed in needs)) continue;
      const cycle = visit(needed, [...above, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    order.push(name);
    return undefined;
  };
  for (const name of Object.keys(needs)) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return { cycle };
  }
  return { order };
}
