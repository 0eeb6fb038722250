/** Where a replica exposes its metrics. */
export interface MetricAddress {
  /** Of the container, as the host reaches it; IPv6 without brackets. */
  address: string;
  port: number;
  path: string;
}

/** Reads what apps expose about themselves. */
export interface MetricSource {
  /**
   * The text, at most 4 MiB.
   * @throws unavailable `metrics-unreadable` also when it takes longer than `timeout` in milliseconds; the signal's reason
   */
  read(where: MetricAddress, timeout: number, signal: AbortSignal): Promise<string>;
}
