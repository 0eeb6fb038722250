import type { AppIdentity } from '#domain/container/container.ts';
import { serviceKey } from '#domain/app/service-key.ts';
import type { Denial } from '#engine/contracts/policies.ts';
import type { DeniedPacket } from '#ports/denial-log.ts';
import type { PolicyParts } from './policies.ts';

const keep = 1000;
/** A client that goes on asking is one line, with a count, and one event for each of these. */
const sameForMs = 10_000;

/** The latest connections that policies refused, in memory, and those who listen for more. */
export class Denials {
  readonly #parts: Pick<PolicyParts, 'denials' | 'clock' | 'events' | 'report'>;
  readonly #nameOf: (address: string) => AppIdentity | undefined;
  readonly #latest: { since: number; denial: Denial }[] = [];
  readonly #readers = new Set<(denial: Denial) => void>();

  constructor(
    parts: Pick<PolicyParts, 'denials' | 'clock' | 'events' | 'report'>,
    nameOf: (address: string) => AppIdentity | undefined,
  ) {
    this.#parts = parts;
    this.#nameOf = nameOf;
  }

  start(): void {
    const failed = (error: unknown): void =>
      this.#parts.report('refused connections cannot be logged', error);
    try {
      this.#parts.denials.open((packet) => this.#note(packet), failed);
    } catch (error) {
      failed(error);
    }
  }

  async *read(query: { app?: string; follow: boolean; signal: AbortSignal }): AsyncGenerator<Denial> {
    const isMeant = ({ from, to }: Denial): boolean =>
      query.app === undefined || [from, to].some((end) => end.startsWith(`${query.app}/`));
    const waiting: Denial[] = this.#latest.map(({ denial }) => ({ ...denial })).filter(isMeant);
    let wake = Promise.withResolvers<void>();
    const reader = (denial: Denial): void => {
      if (!isMeant(denial) || waiting.length >= keep) return;
      waiting.push(denial);
      wake.resolve();
    };
    const leave = (): void => wake.resolve();
    query.signal.addEventListener('abort', leave);
    if (query.follow) this.#readers.add(reader);
    try {
      for (;;) {
        yield* waiting.splice(0);
        if (!query.follow || query.signal.aborted) return;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      this.#readers.delete(reader);
      query.signal.removeEventListener('abort', leave);
    }
  }

  #note({ direction, protocol, from, to, port }: DeniedPacket): void {
    const { clock } = this.#parts;
    const time = clock.timestamp();
    const now = clock.now();
    const same = this.#latest.findLast(
      ({ since, denial }) =>
        now - since < sameForMs &&
        denial.direction === direction &&
        denial.fromAddress === from &&
        denial.toAddress === to &&
        denial.protocol === protocol &&
        denial.port === port,
    );
    if (same !== undefined) {
      same.denial.count += 1;
      same.denial.time = time;
      return;
    }
    const names = { from: this.#name(from), to: this.#name(to) };
    const denial = { time, direction, ...names, fromAddress: from, toAddress: to, protocol, port, count: 1 };
    this.#latest.push({ since: now, denial });
    if (this.#latest.length > keep) this.#latest.shift();
    for (const reader of this.#readers) reader({ ...denial });
    this.#tell(denial);
  }

  /** To the app whose policy refuses it. */
  #tell({ direction, from, to, protocol, port }: Denial): void {
    const [app = ''] = (direction === 'egress' ? from : to).split('/');
    const attributes = { direction, from, to, protocol, port: String(port) };
    this.#parts.events.emit('app', 'policy_denied', app, { name: app, ...attributes });
  }

  #name(address: string): string {
    const identity = this.#nameOf(address);
    return identity === undefined ? address : serviceKey(identity.app, identity.service);
  }
}
