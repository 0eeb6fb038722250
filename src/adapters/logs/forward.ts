import type { FileHandle } from 'node:fs/promises';
import type { LogEntry, LogPosition, LogProgress } from '#ports/log-store.ts';
import { FolderChanges } from './change.ts';
import type { LogFiles } from './files.ts';
import { LineJoiner, parseLine } from './line.ts';
import { physicalLines, type LineBatch, type Lock, type Reading } from './reader.ts';

/** As Docker's copier cuts lines for drivers. */
const longestPiece = 16 * 1024;

/** Follows one log from a position; see LogStore.followFrom. */
export async function* followFrom(
  files: LogFiles,
  lock: Lock,
  position: LogPosition | undefined,
  until: { ended: Promise<unknown>; signal: AbortSignal },
): AsyncGenerator<LogProgress> {
  await files.make();
  using changes = new FolderChanges(files.folder);
  const handles = await lock(() => files.open());
  const reading: Reading = { files, lock, handles, changes, query: until };
  try {
    const start = await locate(handles, position);
    const track = new Track(start.skip);
    for await (const batch of physicalLines(reading, start)) yield await track.read(batch);
    const rest = until.signal.aborted ? undefined : track.rest();
    if (rest !== undefined) yield rest;
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** The oldest file when the position's is gone: what was dropped by rotation is lost, the rest is not. */
async function locate(
  handles: FileHandle[],
  position: LogPosition | undefined,
): Promise<{ file: number; offset: number; skip: number }> {
  for (const [file, handle] of handles.entries()) {
    if (position === undefined || (await nameOf(handle)) !== position.file) continue;
    const { size } = await handle.stat();
    if (position.offset <= size) return { file, offset: position.offset, skip: position.skip };
  }
  return { file: 0, offset: 0, skip: 0 };
}

/** An inode's number is used again, its time of birth is not. */
async function nameOf(handle: FileHandle): Promise<string> {
  const { ino, birthtimeNs } = await handle.stat({ bigint: true });
  return `${ino}-${birthtimeNs}`;
}

/** Entries of the lines that are read, and from where a later reading would go on. */
class Track {
  readonly #joiner = new LineJoiner(longestPiece);
  /** By stream: where its open line began, and entries that were completed since. The oldest first. */
  readonly #open = new Map<LogEntry['stream'], LogPosition>();
  readonly #names = new WeakMap<FileHandle, string>();
  #skip: number;
  #end: LogPosition | undefined;

  constructor(skip: number) {
    this.#skip = skip;
  }

  async read({ lines, handle, offset }: LineBatch): Promise<LogProgress> {
    const file = this.#names.get(handle) ?? (await nameOf(handle));
    this.#names.set(handle, file);
    const entries: LogEntry[] = [];
    let at = offset;
    for (const line of lines) {
      const entry = this.#add(line, { file, offset: at, skip: 0 });
      at += line.length;
      if (entry === undefined) continue;
      if (this.#skip > 0) this.#skip--;
      else entries.push(entry);
    }
    this.#end = { file, offset: at, skip: 0 };
    return { entries, position: this.#resume() };
  }

  #add(text: Buffer, position: LogPosition): LogEntry | undefined {
    const line = parseLine(text);
    if (line === undefined) return undefined;
    const entry = this.#joiner.add(line);
    if (entry === undefined) {
      if (!this.#open.has(line.stream)) this.#open.set(line.stream, position);
      return undefined;
    }
    this.#open.delete(line.stream);
    for (const open of this.#open.values()) open.skip++;
    return entry;
  }

  #resume(): LogPosition {
    const [oldest] = this.#open.values();
    return { ...(oldest ?? this.#end ?? { file: '', offset: 0, skip: 0 }) };
  }

  /** Lines that will have no end. */
  rest(): LogProgress | undefined {
    const entries = this.#joiner.rest();
    if (entries.length === 0 || this.#end === undefined) return undefined;
    return { entries, position: this.#end };
  }
}
