/** The only source of time for the engine, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** RFC 3339 with nanoseconds, UTC, always later than the one before: `2026-01-02T03:04:05.000000006Z`. */
  timestamp(): string;
  /** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
