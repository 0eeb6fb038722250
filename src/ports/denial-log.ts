import type { Direction, Protocol } from '#domain/policy/model.ts';

/** The first packet of a connection that the packet filter refused because of a policy. */
export interface DeniedPacket {
  direction: Direction;
  protocol: Protocol | 'other';
  from: string;
  to: string;
  /** That was called; 0 for a protocol without ports. */
  port: number;
}

/** What the packet filter tells of refused connections; of many at a time it leaves some out. */
export interface DenialLog {
  /** Once. Throws when the kernel has no such log, or another program reads it; `onFailure` is told what ends it later. */
  open(onDenied: (packet: DeniedPacket) => void, onFailure: (error: Error) => void): void;
  close(): void;
}
