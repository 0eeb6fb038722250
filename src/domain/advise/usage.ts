/** One look at all replicas of a service: what the one used that used most. */
export interface UsageSample {
  /** Bytes, without what the kernel can drop. */
  memory: number;
  /** Cores. */
  cpus: number;
  pids: number;
}

/** What a service used lately, and what happened to it. */
export interface UsageRecord {
  /** The oldest first. */
  samples: UsageSample[];
  /** Bytes; the kernel's own peak, which looks from time to time would miss. */
  memoryPeak: number;
  /** Of the periods in which a limit of processor time was in force. */
  throttled: { periods: number; throttledPeriods: number };
  oomKills: number;
}

export const nothingUsed: UsageRecord = {
  samples: [],
  memoryPeak: 0,
  throttled: { periods: 0, throttledPeriods: 0 },
  oomKills: 0,
};

export interface UsageSummary {
  samples: number;
  memoryP50: number;
  memoryP95: number;
  memoryPeak: number;
  cpusP50: number;
  cpusP95: number;
  /** 0 to 1. */
  throttled: number;
  oomKills: number;
  pidsPeak: number;
}

export function summaryOf({ samples, memoryPeak, throttled, oomKills }: UsageRecord): UsageSummary {
  const of = (field: keyof UsageSample, share: number): number =>
    percentile(
      samples.map((one) => one[field]),
      share,
    );
  return {
    samples: samples.length,
    memoryP50: of('memory', 0.5),
    memoryP95: of('memory', 0.95),
    memoryPeak: Math.max(memoryPeak, of('memory', 1)),
    cpusP50: of('cpus', 0.5),
    cpusP95: of('cpus', 0.95),
    throttled: throttled.periods === 0 ? 0 : throttled.throttledPeriods / throttled.periods,
    oomKills,
    pidsPeak: of('pids', 1),
  };
}

/** The smallest value that at least this share of all does not exceed; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
