/**
 * An RFC 3339 time as UTC with nine decimals, so that times compare as texts: `2026-01-02T03:04:05.000000006Z`.
 * @throws RangeError when it is no time
 */
export function normalizeTime(text: string): string {
  // What conmon writes on a host in UTC.
  if (text.length === 35 && text.endsWith('+00:00')) return `${text.slice(0, 29)}Z`;
  const [, day = '', time = '', fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  if (day === '') throw new RangeError(`not a time of RFC 3339: '${text}'`);
  const nanos = fraction.slice(0, 9).padEnd(9, '0');
  if (zone === 'Z' || zone === '+00:00') return `${day}T${time}.${nanos}Z`;
  return `${new Date(`${day}T${time}${zone}`).toISOString().slice(0, 19)}.${nanos}Z`;
}
