import { cronFault, nextRun } from '#domain/app/schedule.ts';

/** The night of UTC, when mirrors and apps have little to do. */
const standardTime = '04:00';

/**
 * The cron expression of a setting: `daily`, `weekly`, either with a time such as `daily 03:30`, or a cron expression
 * itself; undefined for `off` and for what is none of these. Times are UTC.
 */
export function refreshCron(text: string): string | undefined {
  const [, word, time = standardTime] = /^(daily|weekly)(?:\s+(\d{2}:\d{2}))?$/.exec(text) ?? [];
  if (word === undefined) return isCron(text) ? text : undefined;
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const cron = `${minute} ${hour} * * ${word === 'weekly' ? '0' : '*'}`;
  return isCron(cron) ? cron : undefined;
}

function isCron(text: string): boolean {
  return text.trim().split(/\s+/).length === 5 && cronFault(text, 'UTC') === undefined;
}

export function isRefreshTime(text: string): boolean {
  return text === 'off' || refreshCron(text) !== undefined;
}

const firstWait = 10 * 60_000;
const longestWait = 6 * 3_600_000;

/**
 * When to refresh next, in milliseconds since 1970; undefined when never. After failures it is tried again earlier than
 * the schedule says, later with each.
 * @param since the last time that was considered
 * @param failures tries since the last one that went well
 */
export function nextRefresh(cron: string, since: number, failures: number): number | undefined {
  const next = nextRun({ cron, timezone: 'UTC' }, since);
  if (failures === 0) return next;
  const again = since + Math.min(longestWait, firstWait * 2 ** (failures - 1));
  return next === undefined ? again : Math.min(next, again);
}
