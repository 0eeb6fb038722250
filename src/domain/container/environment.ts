/** What Docker gives to whatever has no PATH. */
export const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentInput {
  /** Of the container's configuration; an entry without `=` removes the variable. */
  env: string[];
  /** Variables of links, which the configuration's replace. */
  linked: string[];
  hostname: string;
  tty: boolean;
  home: string;
}

/** The environment of the main process, in Docker's order. */
export function processEnvironment(input: EnvironmentInput): string[] {
  const base = [
    defaultPath,
    ...(input.hostname === '' ? [] : [`HOSTNAME=${input.hostname}`]),
    ...(input.tty ? ['TERM=xterm'] : []),
    ...input.linked,
  ];
  const merged = mergeEnvironment(base, input.env);
  return merged.some((entry) => nameOf(entry) === 'HOME') ? merged : [...merged, `HOME=${input.home}`];
}

/** `overrides` replace in place, remove (no `=`), or come last. */
export function mergeEnvironment(base: string[], overrides: string[]): string[] {
  const values = new Map(base.map((entry) => [nameOf(entry), entry]));
  for (const entry of overrides) {
    if (entry.includes('=')) values.set(nameOf(entry), entry);
    else values.delete(entry);
  }
  return [...values.values()];
}

function nameOf(entry: string): string {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
}
