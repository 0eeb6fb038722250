import type { FileHandle } from 'node:fs/promises';
import type { LogEntry, LogQuery } from '#ports/log-store.ts';
import { FolderChanges } from './change.ts';
import type { LogFiles } from './files.ts';
import { LineJoiner, parseLine } from './line.ts';
import { findTail } from './tail.ts';
import { normalizeTime } from './time.ts';

const block = 256 * 1024;
const newline = 0x0a;

/** Runs while no rotation renames files. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

export interface Reading {
  files: LogFiles;
  lock: Lock;
  handles: FileHandle[];
  /** When following. */
  changes: FolderChanges | undefined;
  query: Pick<LogQuery, 'ended' | 'signal' | 'until'>;
  /** Bytes of the newest file that count; absent: all, also those to come. */
  end?: number;
}

/** Lines that follow each other in one file, each with its newline. */
export interface LineBatch {
  lines: Buffer[];
  handle: FileHandle;
  /** Where the first line begins. */
  offset: number;
}

/** Reads the entries of one log; see LogStore.read. */
export async function* readLog(files: LogFiles, lock: Lock, query: LogQuery): AsyncGenerator<LogEntry> {
  const since = query.since === undefined ? '' : normalizeTime(query.since);
  const until = query.until === undefined ? undefined : normalizeTime(query.until);
  for await (const batch of batches(files, lock, query)) {
    for (const entry of batch) {
      if (entry.time < since) continue;
      if (until !== undefined && entry.time > until) return;
      yield entry;
    }
  }
}

/** Entries in the batches in which they are read: a step of an asynchronous generator for each line costs more than the line. */
async function* batches(files: LogFiles, lock: Lock, query: LogQuery): AsyncGenerator<LogEntry[]> {
  if (query.follow === true) await files.make();
  using changes = query.follow === true ? new FolderChanges(files.folder) : undefined;
  const handles = await lock(() => files.open());
  query.onOpen?.();
  try {
    const wanted = (stream: LogEntry['stream']): boolean => query[stream];
    // A container may write faster than a client reads: what it writes from now on is for those who follow.
    const end = query.follow === true ? undefined : (await handles.at(-1)?.stat())?.size;
    const start =
      query.tail === undefined
        ? { file: 0, offset: 0, skip: 0 }
        : await findTail(handles, query.tail, wanted, end);
    let { skip } = start;
    for await (const batch of joined(
      physicalLines({ files, lock, handles, changes, query, ...(end !== undefined && { end }) }, start),
      wanted,
    )) {
      yield batch.slice(skip);
      skip = Math.max(0, skip - batch.length);
    }
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

async function* joined(
  batches: AsyncIterable<LineBatch>,
  wanted: (stream: LogEntry['stream']) => boolean,
): AsyncGenerator<LogEntry[]> {
  const joiner = new LineJoiner();
  for await (const { lines } of batches) {
    const entries: LogEntry[] = [];
    for (const text of lines) {
      const line = parseLine(text);
      const entry = line && wanted(line.stream) ? joiner.add(line) : undefined;
      if (entry !== undefined) entries.push(entry);
    }
    yield entries;
  }
  yield joiner.rest();
}

/** The lines of all files; when following, also those to come. Opens and adds to `handles` what comes later. */
export async function* physicalLines(
  { files, lock, handles, changes, query, end }: Reading,
  start: { file: number; offset: number },
): AsyncGenerator<LineBatch> {
  let offset = start.offset;
  for (const handle of handles.slice(start.file, -1)) {
    yield* new FileLines(handle, offset).read();
    offset = 0;
  }
  const last = handles.at(-1);
  let newest = last && new FileLines(last, start.file < handles.length ? offset : (await last.stat()).size);
  if (newest !== undefined) yield* newest.read(end);
  if (changes === undefined) return;
  using state = new Following(changes, query);
  while (!state.isAborted) {
    const isLast = state.hasEnded;
    const next = await lock(() => files.openAfter(newest?.handle));
    // Whatever was written to a file before the monitor opened the next one is there by now.
    if (newest !== undefined) yield* newest.read();
    if (next !== undefined) {
      handles.push(next);
      newest = new FileLines(next, 0);
      yield* newest.read();
    } else if (isLast) return;
    else await changes.wait();
  }
}

/** When to stop to follow: the output has ended, the time is over, or nobody wants more. */
class Following implements Disposable {
  hasEnded = false;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #wake: () => void;

  constructor(changes: FolderChanges, { ended, signal, until }: Reading['query']) {
    this.#signal = signal;
    this.#wake = (): void => changes.nudge();
    const finish = (): void => {
      this.hasEnded = true;
      changes.nudge();
    };
    ended?.then(finish, finish);
    if (until !== undefined) this.#timer = setTimeout(finish, Math.max(0, Date.parse(until) - Date.now()));
    signal?.addEventListener('abort', this.#wake, { once: true });
  }

  get isAborted(): boolean {
    return this.#signal?.aborted === true;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#wake);
  }
}

/** The complete lines of one file, from where the last reading stopped. */
class FileLines {
  readonly handle: FileHandle;
  #position: number;
  #rest = Buffer.alloc(0);

  constructor(handle: FileHandle, position: number) {
    this.handle = handle;
    this.#position = position;
  }

  /** Up to the end, or to byte `end` where that comes first. */
  async *read(end = Infinity): AsyncGenerator<LineBatch> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(block);
      const length = Math.max(0, Math.min(block, end - this.#position));
      const { bytesRead } = await this.handle.read(chunk, 0, length, this.#position);
      if (bytesRead === 0) return;
      const offset = this.#position - this.#rest.length;
      this.#position += bytesRead;
      const fresh = chunk.subarray(0, bytesRead);
      const text = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
      const lines: Buffer[] = [];
      let from = 0;
      for (;;) {
        const end = text.indexOf(newline, from);
        if (end < 0) break;
        lines.push(text.subarray(from, end + 1));
        from = end + 1;
      }
      this.#rest = text.subarray(from);
      yield { lines, handle: this.handle, offset };
    }
  }
}
