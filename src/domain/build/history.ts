import type { HealthConfig } from '#domain/container/config.ts';
import { formatDuration } from '#domain/units/duration.ts';

// The words of `docker history`, as Docker's classic builder writes them (moby daemon/builder/dockerfile).

/** Of an instruction that changes only the configuration: `/bin/sh -c #(nop)  CMD ["x"]`. */
export function nopComment(shell: string[], comment: string): string {
  return [...shell, '#(nop) ', comment].join(' ');
}

/** Of COPY, ADD and WORKDIR, with one space less. */
export function filesComment(shell: string[], comment: string): string {
  return [...shell, `#(nop) ${comment}`].join(' ');
}

/** Of RUN; the values of the ARGs in scope go before the command: `|1 a=b /bin/sh -c x`. */
export function runComment(command: string[], args: string[]): string {
  const prefix = args.length === 0 ? [] : [`|${args.length}`, ...args];
  return [...prefix, ...command].join(' ');
}

/** As Go prints strings with %q: `["a" "b"]`. */
export function goStrings(words: string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;
}

/** As Go prints a HealthConfig with %q. */
export function goHealthcheck(check: HealthConfig): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const shown = times.map((time) => `"${formatDuration(time ?? 0)}"`).join(' ');
  return `&{${goStrings(check.Test ?? [])} ${shown} ${goRune(check.Retries ?? 0)}}`;
}

function goRune(code: number): string {
  const named: Record<number, string> = {
    7: '\\a',
    8: '\\b',
    9: '\\t',
    10: '\\n',
    11: '\\v',
    12: '\\f',
    13: '\\r',
  };
  const shown =
    code >= 32 ? String.fromCodePoint(code) : (named[code] ?? `\\x${code.toString(16).padStart(2, '0')}`);
  return `'${shown}'`;
}
