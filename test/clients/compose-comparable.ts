type Plain = Record<string, unknown>;

/** Values that mean the same as no value: one of the two writes them out, the other does not. */
const silent: Readonly<Record<string, readonly string[] | undefined>> = {
  // The present specification's default; 2.26 had none for the long form.
  create_host_path: ['true'],
  hostname: [''],
  init: ['false'],
  no_cache: ['false'],
  privileged: ['false'],
  read_only: ['false'],
  target: [''],
};

/** A document so that only its meaning counts: numbers as texts, no empty values, sets and keys sorted. */
export function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item, key));
    return key === 'extra_hosts' ? items.map(String).sort() : items;
  }
  if (value === null) return null;
  if (typeof value !== 'object') return typeof value === 'string' ? value : JSON.stringify(value);
  const record: Plain = { ...value };
  // A config lies at /NAME unless it says otherwise.
  if (record['target'] === `/${String(record['source'])}`) delete record['target'];
  const kept = Object.entries(record)
    .map(([name, one]) => [name, comparable(one, name)] as const)
    .filter(([name, one]) => !isSilent(name, one));
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isSilent(key: string, value: unknown): boolean {
  if (typeof value === 'string') return Object.hasOwn(silent, key) && silent[key]?.includes(value) === true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
