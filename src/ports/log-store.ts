export interface LogEntry {
  stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  time: string;
  /** One line with its newline, or the last part of the output when that has none. */
  data: Buffer;
}

export interface LogQuery {
  stdout: boolean;
  stderr: boolean;
  /** RFC 3339; entries at or after. */
  since?: string;
  /** RFC 3339; entries at or before. */
  until?: string;
  /** Only the last so many entries. */
  tail?: number;
  /** Go on with new entries until `ended` resolves and all is read, or the signal aborts. */
  follow?: boolean;
  ended?: Promise<unknown>;
  signal?: AbortSignal;
  /** Called when the reading has begun: it goes on to its end also when the log is removed then. */
  onOpen?: () => void;
}

/** How far a log has been read; to be kept as it is, over rotations and restarts. */
export interface LogPosition {
  /** Names the file among those of the container. */
  file: string;
  /** Bytes before the next line that is to be read. */
  offset: number;
  /** Entries from there on that have been read already, while parts of another stream's line stood open. */
  skip: number;
}

export interface LogProgress {
  entries: LogEntry[];
  /** After these entries. */
  position: LogPosition;
}

/** The output of containers, as the monitor writes it; also readable after the container ended. */
export interface LogStore {
  /** Where the monitor is to write (k8s-file format). The folder is made. */
  prepare(id: string): Promise<string>;
  path(id: string): string;
  read(id: string, query: LogQuery): AsyncIterable<LogEntry>;
  /**
   * The entries from a position on, the first there is when it is not known any more, until `ended` resolves and all
   * is read, or the signal aborts. A line of more than 16 KiB comes in pieces, all but the last without a newline.
   */
  followFrom(
    id: string,
    position: LogPosition | undefined,
    until: { ended: Promise<unknown>; signal: AbortSignal },
  ): AsyncIterable<LogProgress>;
  /**
   * Starts a new file when the present one is above its limit; `reopen` tells the monitor, which does so soon. The oldest go with
   * this call or the next. Gives whether the monitor was told.
   */
  rotate(
    id: string,
    limits: { maxBytes: number; maxFiles: number },
    reopen: () => Promise<void>,
  ): Promise<boolean>;
  /** Bytes on disk. */
  size(id: string): Promise<number>;
  /** Idempotent. */
  remove(id: string): Promise<void>;
}
