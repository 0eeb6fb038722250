import type { Container } from '#domain/container/container.ts';
import type { LogEntry } from '#ports/log-store.ts';
import type { LogConnection, LogTarget, LogTargets } from '#ports/log-targets.ts';
import { chosenAttributes } from '#domain/container/log-details.ts';
import { standardTag, tagText } from '#domain/container/log-tag.ts';
import { journalMessage } from '#domain/log/journal-message.ts';
import { syslogMessage } from '#domain/log/syslog-message.ts';
import { syslogAddress, syslogFacility, syslogFormat } from '#domain/log/syslog-options.ts';

/** Sends lines of one container as its log driver says, over one connection at a time. */
export class LogSender {
  readonly #targets: LogTargets;
  readonly #target: LogTarget;
  readonly #encode: (entry: LogEntry) => Uint8Array;
  #connection: LogConnection | undefined;

  /** @param epoch names this run of the daemon in the journal's fields */
  constructor(targets: LogTargets, container: Container, epoch: string) {
    this.#targets = targets;
    const options = container.hostConfig.LogConfig?.Config ?? {};
    const tag = tagText(options['tag'] || standardTag, container);
    if (container.hostConfig.LogConfig?.Type === 'journald') {
      const { id, name, imageName } = container;
      const subject = { id, name, imageName, tag, extra: chosenAttributes(container) };
      let ordinal = 0;
      this.#target = { kind: 'journal' };
      this.#encode = (entry) => journalMessage(entry, subject, { epoch, ordinal: ++ordinal });
    } else {
      const address = syslogAddress(options);
      const shape = {
        format: syslogFormat(options),
        facility: syslogFacility(options),
        tag,
        counted: address.transport === 'tls',
      };
      this.#target = { kind: 'syslog', address };
      this.#encode = (entry) => syslogMessage(entry, shape, targets.origin);
    }
  }

  /** @throws as LogTargets.open */
  async connect(): Promise<void> {
    this.#connection ??= await this.#targets.open(this.#target);
  }

  /** Gives the number of lines that are too large for the receiver. @throws as LogConnection.send */
  async send(entries: readonly LogEntry[]): Promise<number> {
    await this.connect();
    try {
      return (await this.#connection?.send(entries.map(this.#encode))) ?? 0;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}
