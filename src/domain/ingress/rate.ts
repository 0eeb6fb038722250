const seconds: Readonly<Record<string, number | undefined>> = { s: 1, m: 60, h: 3600 };

/** `100/s`, `600/m` or `20/10s`: so many requests in so long a time. Undefined when it is none. */
export function parseRate(text: string): { requests: number; seconds: number } | undefined {
  const [, requests, count, unit = ''] = /^(\d+)\/(\d*)([smh])$/.exec(text) ?? [];
  const each = seconds[unit];
  if (requests === undefined || each === undefined) return undefined;
  const rate = { requests: Number(requests), seconds: (count === '' ? 1 : Number(count)) * each };
  return rate.requests > 0 && rate.seconds > 0 ? rate : undefined;
}
