import type { Service } from '#domain/app/model.ts';
import { cpuLimitOf } from '#domain/capacity/demand.ts';
import { formatBytes } from '#domain/units/bytes.ts';
import type { UsageSummary } from './usage.ts';

/** One setting that should be another one. */
export interface Advice {
  key: 'limits.memory' | 'limits.cpus' | 'limits.pids' | 'reservations.memory';
  /** As a compose file has it. */
  value: string;
  /** The same of what is set now; absent: nothing is. */
  current?: string;
  reason: string;
}

/** Looks before anything is advised. */
export const leastSamples = 5;

const mebibyte = 1024 ** 2;
/** Above the highest that was seen. */
const memoryMargin = 1.3;
const cpuMargin = 1.5;
/** Throttled in more than this share of its periods, a service needs more. */
const muchThrottled = 0.05;
/** A value that is nearer to what is set is not worth a change. */
const worthwhile = 0.25;

/** Limits and reservations that fit what was measured; none while too little was. */
export function adviceFor({ host, deploy }: Pick<Service, 'host' | 'deploy'>, used: UsageSummary): Advice[] {
  if (used.samples < leastSamples) return [];
  return [
    ...memoryLimit(host.Memory, used),
    ...memoryReservation(deploy?.reservations?.memory ?? host.MemoryReservation, used),
    ...cpuLimit(cpuLimitOf(host), used),
    ...pidsLimit(host.PidsLimit ?? undefined, used),
  ];
}

function memoryLimit(current: number | undefined, { memoryPeak, oomKills }: UsageSummary): Advice[] {
  const seen = roundUp(Math.max(memoryPeak * memoryMargin, 16 * mebibyte), 16 * mebibyte);
  if (oomKills > 0 && current !== undefined) {
    const value = roundUp(Math.max(seen, current * 1.5), 16 * mebibyte);
    const times = oomKills === 1 ? 'once' : `${oomKills} times`;
    return [
      { key: 'limits.memory', value: size(value), current: size(current), reason: `memory ran out ${times}` },
    ];
  }
  const reason = `the peak was ${formatBytes(memoryPeak)}, and 30% more`;
  return changed('limits.memory', current, seen, size, reason);
}

function memoryReservation(current: number | undefined, { memoryP95 }: UsageSummary): Advice[] {
  const value = roundUp(Math.max(memoryP95 * 1.1, 8 * mebibyte), 8 * mebibyte);
  const reason = `95% of the time it was at most ${formatBytes(memoryP95)}, and 10% more`;
  return changed('reservations.memory', current, value, size, reason);
}

function cpuLimit(current: number | undefined, { cpusP95, throttled }: UsageSummary): Advice[] {
  const seen = Math.max(0.1, Number((Math.ceil(cpusP95 * cpuMargin * 20) / 20).toFixed(2)));
  if (current !== undefined && throttled > muchThrottled) {
    const value = Math.max(seen, Number((current * 1.5).toFixed(2)));
    const reason = `it was held back in ${(throttled * 100).toFixed(0)}% of the periods`;
    return [{ key: 'limits.cpus', value: String(value), current: String(current), reason }];
  }
  const reason = `95% of the time it was at most ${cpusP95.toFixed(2)}, and half more`;
  return changed('limits.cpus', current, seen, String, reason);
}

function pidsLimit(current: number | undefined, { pidsPeak }: UsageSummary): Advice[] {
  const value = Math.max(64, roundUp(pidsPeak * 2, 32));
  // A limit that is far away harms nobody; one that is near does.
  if (current !== undefined && current > 0 && current >= value) return [];
  return changed(
    'limits.pids',
    current,
    value,
    String,
    `the peak was ${pidsPeak} processes, and twice as many`,
  );
}

function changed(
  key: Advice['key'],
  current: number | undefined,
  value: number,
  words: (value: number) => string,
  reason: string,
): Advice[] {
  if (current === undefined || current <= 0) return [{ key, value: words(value), reason }];
  if (Math.abs(value - current) <= current * worthwhile) return [];
  return [{ key, value: words(value), current: words(current), reason }];
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function size(bytes: number): string {
  return bytes % mebibyte === 0 ? `${bytes / mebibyte}M` : `${Math.ceil(bytes / 1024)}K`;
}
