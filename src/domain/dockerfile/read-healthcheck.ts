import { durationRefused, parseDuration } from '#domain/units/duration.ts';
import type { Healthcheck, Written } from './instruction.ts';
import { suggestion } from './suggestion.ts';
import { readCommand } from './read-simple.ts';
import { flagValue, readFlags, wrong, type Flag, type Statement } from './statement.ts';

const durations = [
  ['interval', 'interval'],
  ['timeout', 'timeout'],
  ['start-period', 'startPeriod'],
  ['start-interval', 'startInterval'],
] as const;

/** @throws invalid `dockerfile-invalid` */
export function readHealthcheck(statement: Statement, written: Written): Healthcheck & Written {
  const flags = readFlags(statement, [...durations.map(([flag]) => flag), 'retries']);
  const [, kind = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(statement.rest) ?? [];
  if (kind === '') throw wrong(statement, 'HEALTHCHECK requires at least one argument');
  if (kind.toUpperCase() === 'NONE') {
    if (rest !== '' || flags.size > 0) throw wrong(statement, 'HEALTHCHECK NONE takes no arguments');
    return { name: 'HEALTHCHECK', ...written };
  }
  if (kind.toUpperCase() !== 'CMD')
    throw wrong(statement, `Unknown type "${kind.toUpperCase()}" in HEALTHCHECK (try CMD)`, {
      offset: 0,
      length: kind.length,
      hint:
        suggestion(kind, ['CMD', 'NONE']) ?? 'write HEALTHCHECK [OPTIONS] CMD COMMAND, or HEALTHCHECK NONE',
    });
  if (rest === '') throw wrong(statement, 'Missing command after HEALTHCHECK CMD');
  const check: Healthcheck = { name: 'HEALTHCHECK', command: readCommand(statement, rest) };
  return { ...check, ...readTimes(statement, flags), ...written };
}

function readTimes(statement: Statement, flags: Map<string, Flag[]>): Partial<Healthcheck> {
  const times: Partial<Healthcheck> = {};
  for (const [flag, key] of durations) {
    const text = flagValue(statement, flags, flag);
    if (text !== undefined) times[key] = duration(statement, flag, text);
  }
  const retries = flagValue(statement, flags, 'retries');
  if (retries === undefined) return times;
  if (!/^\d+$/.test(retries)) throw wrong(statement, retriesRefused(retries));
  return { ...times, retries: Number(retries) };
}

function retriesRefused(retries: string): string {
  if (/^-\d+$/.test(retries)) return `--retries cannot be negative (${retries})`;
  return `strconv.ParseInt: parsing ${JSON.stringify(retries)}: invalid syntax`;
}

function duration(statement: Statement, flag: string, text: string): number {
  const value = parseDuration(text);
  if (value === undefined)
    throw wrong(statement, durationRefused(text), {
      hint: 'write a number with a unit: 30s, 1m30s',
    });
  if (value !== 0 && value < 1e6) throw wrong(statement, `Interval "${flag}" cannot be less than 1ms`);
  return value;
}
