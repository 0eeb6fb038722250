import type { LogEntry } from '#ports/log-store.ts';
import { normalizeTime } from './time.ts';

// conmon's k8s-file format, one physical line: TIME STREAM TAG DATA. TAG is F for a full line, whose newline ends
// the physical line too, and P for a part of a line, whose newline is not the container's.

const space = 0x20;
const fullTag = 0x46;

export interface PhysicalLine {
  stream: LogEntry['stream'];
  full: boolean;
  /** RFC 3339, UTC, nanoseconds. */
  time: string;
  /** With its newline when full. */
  data: Buffer;
}

/** @param line with the newline that ends the physical line */
export function parseLine(line: Buffer): PhysicalLine | undefined {
  const heading = parseHeading(line);
  if (heading === undefined) return undefined;
  const { stream, full, start, timeEnd } = heading;
  const time = normalizeTime(line.toString('latin1', 0, timeEnd));
  return { stream, full, time, data: line.subarray(start, full ? line.length : line.length - 1) };
}

export interface Heading {
  stream: LogEntry['stream'];
  full: boolean;
  timeEnd: number;
  /** Where the data begins. */
  start: number;
}

/** Undefined for what is no line of the format, such as the end of a line whose beginning a crash of the host lost. */
export function parseHeading(line: Buffer): Heading | undefined {
  const timeEnd = line.indexOf(space);
  const streamEnd = line.indexOf(space, timeEnd + 1);
  const tag = line[streamEnd + 1];
  if (timeEnd < 20 || streamEnd < 0 || tag === undefined || line[streamEnd + 2] !== space) return undefined;
  const stream = line.toString('latin1', timeEnd + 1, streamEnd);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return { stream, full: tag === fullTag, timeEnd, start: streamEnd + 3 };
}

/** More than this of one line is given out in pieces, so that a line without end needs no endless memory. */
const longestEntry = 1024 * 1024;

/** Joins the parts of long lines. */
export class LineJoiner {
  readonly #longest: number;
  readonly #pending = new Map<LogEntry['stream'], { time: string; parts: Buffer[]; size: number }>();

  /** @param longest bytes of an entry */
  constructor(longest = longestEntry) {
    this.#longest = longest;
  }

  /** The entry that the line completes. */
  add(line: PhysicalLine): LogEntry | undefined {
    const { stream, data } = line;
    const before = this.#pending.get(stream);
    if (before === undefined && line.full) return { stream, time: line.time, data };
    const pending = before ?? { time: line.time, parts: [], size: 0 };
    pending.parts.push(data);
    pending.size += data.length;
    this.#pending.set(stream, pending);
    return line.full || pending.size >= this.#longest ? this.#take(stream) : undefined;
  }

  /** What is left when the output is over: last lines without a newline. */
  rest(): LogEntry[] {
    return [...this.#pending.keys()].flatMap((stream) => this.#take(stream) ?? []);
  }

  #take(stream: LogEntry['stream']): LogEntry | undefined {
    const pending = this.#pending.get(stream);
    if (pending === undefined) return undefined;
    this.#pending.delete(stream);
    return { stream, time: pending.time, data: Buffer.concat(pending.parts) };
  }
}
