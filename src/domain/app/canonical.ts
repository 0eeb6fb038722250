import { fingerprint } from '#base/ids.ts';

/** The same for the same content, whatever the order of keys. */
export function hashOf(value: unknown): string {
  return fingerprint(canonical(value));
}

/** JSON in which keys are sorted and what is undefined is left out. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const copy: Record<string, unknown> = { ...value };
  const entries = Object.entries(copy).filter(([, one]) => one !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}
