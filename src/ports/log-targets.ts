import type { LogOrigin } from '#domain/log/origin.ts';
import type { SyslogAddress } from '#domain/log/syslog-options.ts';

export type LogTarget = { kind: 'syslog'; address: SyslogAddress } | { kind: 'journal' };

/** Receivers of logs outside of Berth. */
export interface LogTargets {
  readonly origin: LogOrigin;
  /** @throws unavailable `log-target-unreachable` with Docker's words; invalid `log-target-tls` */
  open(target: LogTarget): Promise<LogConnection>;
}

/** One connection; it is used no more after a sending failed. */
export interface LogConnection {
  /**
   * Resolves when the system has taken all messages, in their order. Those that the transport cannot carry for
   * their size are left out: the number of them is the answer.
   * @throws unavailable `log-target-unreachable`: an unknown number of the messages has been taken
   */
  send(messages: readonly Uint8Array[]): Promise<number>;
  /** Idempotent. */
  close(): void;
}
