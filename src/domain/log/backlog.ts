/**
 * What `mode=non-blocking` keeps for a receiver that is slow or away: what was written while a sending went on, up to
 * `maxBytes` of it; the newest beyond that are dropped, as by Docker's ring. They stay in the container's file.
 */
export class Backlog {
  readonly #maxBytes: number;
  #room: number;
  #until = '';
  #dropped = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#room = maxBytes;
  }

  /** A sending was done at `time` (RFC 3339, UTC, nanoseconds): what is older waited meanwhile. */
  sent(time: string): void {
    this.#until = time;
    this.#room = this.#maxBytes;
  }

  /** Whether a line is still to be sent. */
  keeps(line: { time: string; data: Uint8Array }): boolean {
    if (line.time >= this.#until) return true;
    this.#room -= line.data.length;
    if (this.#room >= 0) return true;
    this.#dropped++;
    return false;
  }

  /** Lines that were dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
