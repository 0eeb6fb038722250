/** What a record has itself under a key that comes from outside: never `constructor` or what else objects inherit. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
