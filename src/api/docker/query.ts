import { invalid } from '#base/errors.ts';
import { hasLabel } from '#domain/filter/label.ts';

export type Query = Record<string, string | undefined>;

/** Of routes that take a parameter several times. */
export type ManyQuery = Record<string, string | string[] | undefined>;

/** The values of a parameter, without empty ones. */
export function all(query: ManyQuery, name: string): string[] {
  const value = query[name];
  return (Array.isArray(value) ? value : [value ?? '']).filter((text) => text !== '');
}

/** The first value; '' when there is none. */
export function one(query: ManyQuery, name: string): string {
  return all(query, name)[0] ?? '';
}

/** As routes have it whose parameters come once: of each the first value. */
export function single(query: ManyQuery): Query {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

/** Docker's reading of a boolean in a query: everything but '', 0, no, false and none is true. */
export function flag(query: Query, name: string, absent = false): boolean {
  const value = query[name];
  if (value === undefined) return absent;
  return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
}

/** An integer, or undefined when the parameter is absent or empty. @throws invalid naming the parameter */
export function integer(query: Query, name: string): number | undefined {
  const value = query[name];
  if (value === undefined || value === '') return undefined;
  if (!/^[+-]?\d+$/.test(value))
    throw invalid('query-invalid', `invalid query parameter '${name}': '${value}' is not an integer`);
  return Number(value);
}

/** Key to the values asked for; a key with no values does not appear. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * The `filters` parameter: `{"label":["a=b"]}`, or `{"label":{"a=b":true}}` as old clients write it.
 * @throws invalid for malformed JSON and, in Docker's words, for a key that is not among `accepted`
 */
export function filters(query: Query, accepted: readonly string[]): Filters {
  const text = query['filters'];
  const found = new Map<string, string[]>();
  if (text === undefined || text === '') return found;
  for (const [key, values] of Object.entries(parse(text))) {
    if (!accepted.includes(key)) throw invalid('filter-invalid', `invalid filter '${key}'`);
    const list = valuesOf(values);
    if (list === undefined) throw malformed(text);
    if (list.length > 0) found.set(key, list);
  }
  return found;
}

function parse(text: string): object {
  const json: (text: string) => unknown = JSON.parse;
  try {
    const value = json(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below, with what was found.
  }
  throw malformed(text);
}

function malformed(text: string): Error {
  return invalid('filter-invalid', `invalid filter: '${text}' is not a JSON object of lists of strings`);
}

function valuesOf(values: unknown): string[] | undefined {
  if (Array.isArray(values)) return values.every((value) => typeof value === 'string') ? values : undefined;
  if (typeof values !== 'object' || values === null) return undefined;
  return Object.entries(values).flatMap(([value, wanted]) => (wanted === true ? [value] : []));
}

/**
 * Whether a filter such as `dangling` asks for true (Go's strconv.ParseBool); absent is false.
 * @throws invalid in Docker's words
 */
export function isTrue(wanted: Filters, key: string): boolean {
  const value = wanted.get(key)?.[0] ?? 'false';
  if (['1', 'true', 'True', 'TRUE', 't', 'T'].includes(value)) return true;
  if (['0', 'false', 'False', 'FALSE', 'f', 'F'].includes(value)) return false;
  throw invalid('filter-invalid', `invalid filter '${key}=[${value}]'`);
}

/** Whether labels satisfy every `label` (KEY or KEY=VALUE) and none of the `label!` filters. */
export function labelsMatch(labels: Readonly<Record<string, string>>, wanted: Filters): boolean {
  const has = (filter: string): boolean => hasLabel(labels, filter);
  return (wanted.get('label') ?? []).every(has) && !(wanted.get('label!') ?? []).some(has);
}
