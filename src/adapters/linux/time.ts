import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const clockGettime: (clock: number, time: BigInt64Array) => number = libc.func(
  'int clock_gettime(int clock, _Out_ int64_t *time)',
);
const CLOCK_REALTIME = 0;

/** Nanoseconds since 1970 by the host's wall clock, which Node gives only in milliseconds. */
export function realtimeNanos(): bigint {
  const time = new BigInt64Array(2);
  clockGettime(CLOCK_REALTIME, time);
  return (time[0] ?? 0n) * 1_000_000_000n + (time[1] ?? 0n);
}
