import type { ErrorKind } from '#base/errors.ts';

// The messages between a pool and its workers. A worker does one job at a time.

export type ToWorker<Job> =
  | { kind: 'job'; job: Job }
  | { kind: 'chunk'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'complete' }
  /** With memory that came with bytes and may be used again. */
  | { kind: 'pull'; spent: Uint8Array<ArrayBuffer> | undefined }
  | { kind: 'cancel' };

export interface CarriedError {
  kind: ErrorKind | undefined;
  code: string;
  message: string;
  hint: string | undefined;
}

export type FromWorker<Result> =
  /** Ready for another chunk; gives the memory of one back. */
  | { kind: 'taken'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  /** Absent result: the job has none. */
  | { kind: 'done'; result: Result | undefined }
  | { kind: 'failed'; error: CarriedError };
