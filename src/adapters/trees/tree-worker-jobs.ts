import type { EntryBatch } from './entry-batch.ts';
import type { ExtractionBatch } from './extraction-batch.ts';

/** What the worker threads of trees do. Paths are byte strings. */
export type TreesJob =
  /** Chunks of a plain tar archive follow; it is kept in the file, and its index given where it has one. */
  | { do: 'receive'; archive: string }
  | { do: 'extract'; archive: string | undefined; batch: ExtractionBatch }
  | { do: 'tell'; paths: string };

export type TreesResult =
  | { of: 'entries'; batch: EntryBatch | undefined }
  /** Separated by zero bytes. */
  | { of: 'told'; told: string };
