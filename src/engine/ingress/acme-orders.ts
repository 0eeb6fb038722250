import { unlessAborted } from '#base/abort.ts';
import { messageOf, unavailable } from '#base/errors.ts';
import { renewalTime } from '#domain/ingress/certificates.ts';
import type { IngressSettings } from '#domain/ingress/model.ts';
import { requireTerms } from '#domain/ingress/terms.ts';
import type { Balancer } from '#ports/balancer.ts';
import type { AcmeAuthority, AcmeOrder, Certificate } from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';
import { keyOf, type CertificateStore } from './certificate-store.ts';

export interface AcmeOrderParts {
  store: CertificateStore;
  clock: Pick<Clock, 'now'>;
  balancer: Pick<Balancer, 'setChallenge'>;
  acme: AcmeAuthority;
  settings: IngressSettings['acme'];
}

/** One that is kept, and for which of the hosts that were asked for it is not. */
export interface KeptCertificate {
  certificate: Certificate;
  missing: string[];
}

/** Certificates by ACME: each order is for one certificate of one or several hosts, and what it gives is kept. */
export class AcmeOrders {
  readonly #parts: AcmeOrderParts;
  /** By what `keyOf` makes of the hosts. */
  readonly #running = new Map<string, Promise<Certificate>>();

  constructor(parts: AcmeOrderParts) {
    this.#parts = parts;
  }

  /** The one that still holds and is for most of some hosts. Undefined when none is for any. @throws as Seals.open */
  async kept(hosts: readonly string[]): Promise<KeptCertificate | undefined> {
    const { store, clock } = this.#parts;
    const held = store.forMost(hosts, 'acme', clock.now());
    if (held === undefined) return undefined;
    const certificate = await store.certificate(keyOf(held));
    return certificate && { certificate, missing: hosts.filter((host) => !held.includes(host)) };
  }

  /**
   * Orders one; who wants one for the same hosts meanwhile gets the same.
   * @param alsoAnswer answers the authority where the balancer does not
   * @throws invalid `acme-terms`; unavailable `acme-failed`; the signal's reason
   */
  async issue(
    hosts: readonly string[],
    signal: AbortSignal,
    alsoAnswer?: AcmeOrder['answer'],
  ): Promise<Certificate> {
    requireTerms(this.#parts.settings);
    const key = keyOf(hosts);
    for (let other = this.#running.get(key); other !== undefined; other = this.#running.get(key))
      await unlessAborted(
        other.catch(() => undefined),
        signal,
      );
    const order = this.#order(hosts, signal, alsoAnswer);
    this.#running.set(key, order);
    try {
      return await order;
    } finally {
      this.#running.delete(key);
    }
  }

  async #order(
    hosts: readonly string[],
    signal: AbortSignal,
    alsoAnswer: AcmeOrder['answer'] | undefined,
  ): Promise<Certificate> {
    const { store, clock, acme, balancer, settings } = this.#parts;
    const { directory, email } = settings;
    const key = keyOf(hosts);
    const held = store.has(key, 'acme', clock.now()) ? await store.certificate(key) : undefined;
    if (held !== undefined && renewalTime(held) > clock.now()) return held;
    const accountKey = await store.key(`acme ${directory}`, () => acme.createKey());
    const answer = async (path: string, text: string | undefined): Promise<void> => {
      await balancer.setChallenge(path, text);
      await alsoAnswer?.(path, text);
    };
    const issued = await acme.issue({ directory, email, accountKey, hosts, answer, signal });
    return store.keep(key, 'acme', issued).catch((error: unknown) => {
      // An order as any other to the authority, which counts them.
      throw unavailable(
        'acme-failed',
        `keeping the certificate for ${hosts.join(', ')}: ${messageOf(error)}`,
      );
    });
  }
}
