import type { IngestLease } from '#engine/images/leases.ts';
import type { Parts } from '#engine/images/parts.ts';

/**
 * Runs work that brings blobs and snapshots in. Whatever no image has taken when it ends, well or badly,
 * is removed again. `openEnded`: digests are known only after blobs were written. `resumable`: blobs are kept for a while as what
 * the next pull begins with.
 */
export async function ingest<T>(
  parts: Parts,
  options: { openEnded: boolean; resumable?: boolean },
  work: (lease: IngestLease) => Promise<T>,
): Promise<T> {
  const lease = parts.leases.ingest(parts.journal, parts.clock.timestamp(), options);
  try {
    return await work(lease);
  } finally {
    await parts.collector.settle(lease);
  }
}
