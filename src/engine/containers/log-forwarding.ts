import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { LogPosition } from '#ports/log-store.ts';
import type { Collection } from '#ports/state-store.ts';
import { sendsLogs } from '#domain/container/log-limits.ts';
import { BerthError } from '#base/errors.ts';
import { LogForward, type PositionRecord } from '#engine/containers/log-forward.ts';
import { LogSender } from '#engine/containers/log-sender.ts';

type Parts = Pick<ContainerParts, 'clock' | 'logs' | 'logTargets' | 'report' | 'store'>;

/** How long the removal of a container waits for its last lines to be sent, in milliseconds. */
const drainMs = 5000;

/**
 * Sends the output of containers with the log drivers `syslog` and `journald` to where these say. The monitor writes
 * all output to the container's file; from there it is sent, and the position is recorded after each sending. So a
 * restart of the daemon loses no line: after a kill -9 or a power cut the last ones may be sent twice.
 */
export class LogForwarding {
  readonly #parts: Parts;
  readonly #positions: Collection<LogPosition>;
  readonly #forwards = new Map<string, LogForward>();
  /** Connections of starts that are not done. */
  readonly #connected = new Map<string, LogSender>();
  readonly #epoch: string;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#positions = parts.store.collection<LogPosition>('log-positions');
    this.#epoch = parts.clock.timestamp();
  }

  /** Before a start: as with Docker, a container does not start whose receiver cannot be reached. @throws as LogTargets.open */
  async connect(container: Container): Promise<void> {
    if (!sendsLogs(container.hostConfig.LogConfig)) return;
    const sender = this.#sender(container);
    try {
      await sender.connect();
    } catch (error) {
      if (!(error instanceof BerthError)) throw error;
      const { kind, code, message, hint } = error;
      const failed = `failed to create task for container: failed to initialize logging driver: ${message}`;
      throw new BerthError(kind, code, failed, { cause: error, ...(hint !== undefined && { hint }) });
    }
    this.hangUp(container.id);
    this.#connected.set(container.id, sender);
  }

  /**
   * Sends what is in the file already and what comes, until `ended` resolves and all is sent. A receiver that goes
   * away is tried again.
   */
  begin(container: Container, ended: Promise<unknown>): void {
    if (!sendsLogs(container.hostConfig.LogConfig)) return;
    const { id } = container;
    const forward = this.#forwards.get(id) ?? new LogForward(this.#parts, container, this.#record(id));
    this.#forwards.set(id, forward);
    forward.begin(ended, this.#connected.get(id) ?? this.#sender(container));
    this.#connected.delete(id);
  }

  /** Takes back `connect`, when nothing was begun after it. Idempotent. */
  hangUp(id: string): void {
    this.#connected.get(id)?.close();
    this.#connected.delete(id);
  }

  /** After the container's end, before its file goes. */
  async finish(id: string): Promise<void> {
    const forward = this.#forwards.get(id);
    if (forward !== undefined) {
      const limit = new AbortController();
      const timeOver = this.#parts.clock.sleep(drainMs, limit.signal).catch(() => undefined);
      await Promise.race([forward.drained(), timeOver]);
      limit.abort();
      await forward.stop();
    }
    this.hangUp(id);
    this.#forwards.delete(id);
    this.#positions.delete(id);
  }

  /** Stops to send; the next start of the daemon goes on. */
  async close(): Promise<void> {
    for (const id of [...this.#connected.keys()]) this.hangUp(id);
    await Promise.all([...this.#forwards.values()].map((forward) => forward.stop()));
  }

  #sender(container: Container): LogSender {
    return new LogSender(this.#parts.logTargets, container, this.#epoch);
  }

  #record(id: string): PositionRecord {
    return {
      get: () => this.#positions.get(id),
      note: (position) => this.#positions.note(id, position),
    };
  }
}
