import type { FileHandle } from 'node:fs/promises';
import type { LogEntry } from '#ports/log-store.ts';
import { parseHeading } from './line.ts';

const block = 64 * 1024;
const newline = 0x0a;

/** Where to begin to read so as to give the last entries. */
export interface TailStart {
  /** Index in the list of files. */
  file: number;
  offset: number;
  /** Entries from there on that belong to none of the last ones: between the parts of one. */
  skip: number;
}

/**
 * Looks for the start of the last `count` entries by reading backwards. An entry is complete at its last part, so
 * that decides the order; its first part may lie before entries of the other stream.
 * @param files oldest first
 * @param end bytes of the last file that count; absent: all
 */
export async function findTail(
  files: readonly FileHandle[],
  count: number,
  wanted: (stream: LogEntry['stream']) => boolean,
  end?: number,
): Promise<TailStart> {
  const search = new TailSearch(count);
  let start = { file: files.length, offset: 0 };
  for (let file = files.length - 1; file >= 0; file--) {
    const handle = files[file];
    if (handle === undefined) break;
    const size = (file === files.length - 1 ? end : undefined) ?? (await handle.stat()).size;
    for await (const { line, offset } of linesBackwards(handle, size)) {
      // The last one may be half written.
      const heading = line.at(-1) === newline ? parseHeading(line) : undefined;
      if (heading === undefined || !wanted(heading.stream)) continue;
      if (search.isDone(heading.full, heading.stream)) return { ...start, skip: search.skip };
      if (search.add(heading.full, heading.stream)) start = { file, offset };
    }
  }
  return { ...start, skip: search.skip };
}

class TailSearch {
  /** Entries to be skipped so far; counts only when an older part of a wanted entry follows. */
  skip = 0;
  #passed = 0;
  #left: number;
  /** Streams in which the beginning of the oldest counted entry is not yet found. */
  readonly #open = new Set<string>();

  constructor(count: number) {
    this.#left = count;
  }

  /** The line is before all counted entries. */
  isDone(full: boolean, stream: string): boolean {
    if (full) this.#open.delete(stream);
    return this.#left === 0 && this.#open.size === 0;
  }

  /** Whether the line belongs to a counted entry. */
  add(full: boolean, stream: string): boolean {
    if (this.#open.has(stream)) {
      this.skip = this.#passed;
      return true;
    }
    if (this.#left > 0) {
      this.#left--;
      this.#open.add(stream);
      return true;
    }
    if (full) this.#passed++;
    return false;
  }
}

/** The lines of a file from the last to the first, each with its newline. */
async function* linesBackwards(
  handle: FileHandle,
  size: number,
): AsyncGenerator<{ line: Buffer; offset: number }> {
  let position = size;
  let rest = Buffer.alloc(0);
  while (position > 0) {
    const from = Math.max(0, position - block);
    const chunk = Buffer.alloc(position - from);
    await handle.read(chunk, 0, chunk.length, from);
    const text = Buffer.concat([chunk, rest]);
    let end = text.length;
    for (;;) {
      const before = end < 2 ? -1 : text.lastIndexOf(newline, end - 2);
      if (before < 0) break;
      yield { line: text.subarray(before + 1, end), offset: from + before + 1 };
      end = before + 1;
    }
    rest = text.subarray(0, end);
    position = from;
  }
  if (rest.length > 0) yield { line: rest, offset: 0 };
}
