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
type Lock = <T>(work: () => Promise<T>) => Promise<T>;

interface Reading {
  files: LogFiles;
  lock: Lock;
  handles: FileHandle[];
  /** When following. */
  changes: FolderChanges | undefined;
  query: LogQuery;
}

/** Reads the entries of one log; see LogStore.read. */
export async function* readLog(files: LogFiles, lock: Lock, query: LogQuery): AsyncGenerator<LogEntry> {
  const since = query.since === undefined ? '' : normalizeTime(query.since);
  const until = query.until === undefined ? undefined : normalizeTime(query.until);
  for await (const entry of rawEntries(files, lock, query)) {
    if (entry.time < since) continue;
    if (until !== undefined && entry.time >= until) return;
    yield entry;
  }
}

async function* rawEntries(files: LogFiles, lock: Lock, query: LogQuery): AsyncGenerator<LogEntry> {
  if (query.follow === true) await files.make();
  using changes = query.follow === true ? new FolderChanges(files.folder) : undefined;
  const handles = await lock(() => files.open());
  try {
    const wanted = (stream: LogEntry['stream']): boolean => query[stream];
    const start =
      query.tail === undefined
        ? { file: 0, offset: 0, skip: 0 }
        : await findTail(handles, query.tail, wanted);
    const entries = joined(physicalLines({ files, lock, handles, changes, query }, start), wanted);
    let skip = start.skip;
    for await (const entry of entries) {
      if (skip > 0) skip--;
      else yield entry;
    }
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

async function* joined(
  lines: AsyncIterable<Buffer>,
  wanted: (stream: LogEntry['stream']) => boolean,
): AsyncGenerator<LogEntry> {
  const joiner = new LineJoiner();
  for await (const text of lines) {
    const line = parseLine(text);
    if (line === undefined || !wanted(line.stream)) continue;
    const entry = joiner.add(line);
    if (entry !== undefined) yield entry;
  }
  yield* joiner.rest();
}

/** The lines of all files; when following, also those to come. Opens and adds to `handles` what comes later. */
async function* physicalLines(
  { files, lock, handles, changes, query }: Reading,
  start: { file: number; offset: number },
): AsyncGenerator<Buffer> {
  let offset = start.offset;
  for (const handle of handles.slice(start.file, -1)) {
    yield* new FileLines(handle, offset).read();
    offset = 0;
  }
  const last = handles.at(-1);
  let newest = last && new FileLines(last, start.file < handles.length ? offset : (await last.stat()).size);
  if (newest !== undefined) yield* newest.read();
  if (changes === undefined) return;
  const state = new Following(changes, query);
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

/** When to stop to follow. */
class Following {
  hasEnded = false;
  readonly #signal: AbortSignal | undefined;

  constructor(changes: FolderChanges, { ended, signal }: LogQuery) {
    this.#signal = signal;
    const finish = (): void => {
      this.hasEnded = true;
      changes.nudge();
    };
    ended?.then(finish, finish);
    signal?.addEventListener('abort', () => changes.nudge(), { once: true });
  }

  get isAborted(): boolean {
    return this.#signal?.aborted === true;
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

  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(block);
      const { bytesRead } = await this.handle.read(chunk, 0, block, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      const fresh = chunk.subarray(0, bytesRead);
      const text = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
      let from = 0;
      for (;;) {
        const end = text.indexOf(newline, from);
        if (end < 0) break;
        const line = text.subarray(from, end + 1);
        from = end + 1;
        yield line;
      }
      this.#rest = text.subarray(from);
    }
  }
}
