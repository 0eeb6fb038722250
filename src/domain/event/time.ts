const fraction = /^(.*?)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since 1970 of an RFC 3339 time; undefined when the text is none. */
export function nanosOf(time: string): bigint | undefined {
  const [, whole, digits = '', zone] = fraction.exec(time) ?? [];
  if (whole === undefined || zone === undefined) return undefined;
  const milliseconds = Date.parse(whole + zone);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(digits.padEnd(9, '0'));
}

/**
 * A time as Docker's clients send it in `since` and `until`: seconds since 1970 with an optional fraction,
 * or RFC 3339. Gives RFC 3339 with nanoseconds; undefined when the text is neither.
 */
export function timeFromClient(text: string): string | undefined {
  const seconds = /^(\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (seconds === null) return nanosOf(text) === undefined ? undefined : text;
  const whole = new Date(Number(seconds[1]) * 1000).toISOString().slice(0, 19);
  return `${whole}.${(seconds[2] ?? '').padEnd(9, '0')}Z`;
}
