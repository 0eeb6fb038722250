import { KeyedMutex } from '#base/mutex.ts';
import type { SealedText, Seals } from '#engine/contracts/secrets.ts';
import type { Certificate } from '#ports/certificates.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** What holds a private key. Earlier versions kept it in clear: `pem`. */
type Kept = { sealed: SealedText } | { pem: string };

/** What the state store holds of a host's certificate. */
type StoredCertificate = Omit<Certificate, 'pem'> & { mode: 'acme' | 'internal' } & Kept;

const aboutHost = (host: string): string => `the certificate of ${host === '' ? 'any host' : host}`;
const aboutKey = (name: string): string => `the key ${name}`;

/** Of one certificate for several hosts. */
export function keyOf(hosts: readonly string[]): string {
  return hosts.toSorted().join(',');
}

/**
 * Certificates with their keys, and keys of authorities and accounts: sealed in the state store. A host may stand for several, as
 * `keyOf` joins them.
 */
export class CertificateStore {
  readonly #seals: Seals;
  readonly #store: Pick<StateStore, 'transaction' | 'scrub'>;
  readonly #hosts: Collection<StoredCertificate>;
  readonly #keys: Collection<Kept>;
  readonly #turns = new KeyedMutex();
  #hasClear: boolean;

  constructor(store: StateStore, seals: Seals) {
    this.#seals = seals;
    this.#store = store;
    this.#hosts = store.collection<StoredCertificate>('certificates');
    this.#keys = store.collection<Kept>('certificate-keys');
    this.#hasClear = [...this.#hosts.entries(), ...this.#keys.entries()].some(([, one]) => 'pem' in one);
    seals.onRotation((again) => {
      for (const [host, one] of this.#hosts.entries())
        if ('sealed' in one) this.#hosts.put(host, { ...one, sealed: again(aboutHost(host), one.sealed) });
      for (const [name, one] of this.#keys.entries())
        if ('sealed' in one) this.#keys.put(name, { sealed: again(aboutKey(name), one.sealed) });
    });
  }

  /**
   * Seals what an earlier version kept in clear, so that nothing of it is left in the file.
   * @throws as Seals.seal: then all is as before
   */
  sealAll(): Promise<void> {
    return this.#turns.run('all', async () => {
      if (!this.#hasClear) return;
      for (const [host, { ...one }] of this.#hosts.entries())
        if ('pem' in one) {
          const { pem, ...rest } = one;
          const keep = (sealed: SealedText): void => this.#hosts.put(host, { ...rest, sealed });
          await this.#seals.seal(aboutHost(host), pem, keep);
        }
      for (const [name, one] of this.#keys.entries())
        if ('pem' in one)
          await this.#seals.seal(aboutKey(name), one.pem, (sealed) => this.#keys.put(name, { sealed }));
      this.#store.scrub();
      this.#hasClear = false;
    });
  }

  /** Whether there is a certificate of this kind that still holds. */
  has(host: string, mode: string, now: number): boolean {
    const one = this.#hosts.get(host);
    return one?.mode === mode && one.notAfter > now;
  }

  /** The hosts of the certificate of this kind that still holds and is for most of some hosts; the newest of several. */
  forMost(hosts: readonly string[], mode: string, now: number): string[] | undefined {
    const shared = (of: readonly string[]): number => hosts.filter((host) => of.includes(host)).length;
    const [best] = this.#hosts
      .entries()
      .filter(([, one]) => one.mode === mode && one.notAfter > now)
      .map(([key, { notAfter }]) => ({ hosts: key.split(','), notAfter }))
      .sort((a, b) => shared(b.hosts) - shared(a.hosts) || b.notAfter - a.notAfter);
    return best !== undefined && shared(best.hosts) > 0 ? best.hosts : undefined;
  }

  /** Undefined when there is none. @throws as Seals.open */
  async certificate(host: string): Promise<Certificate | undefined> {
    const one = this.#hosts.get(host);
    if (one === undefined) return undefined;
    const { notBefore, notAfter, issuer } = one;
    return { pem: await this.#open(aboutHost(host), one), notBefore, notAfter, issuer };
  }

  /** Keeps it and gives it back. @throws as Seals.seal */
  async keep(host: string, mode: 'acme' | 'internal', certificate: Certificate): Promise<Certificate> {
    const { pem, ...about } = certificate;
    await this.#seals.seal(aboutHost(host), pem, (sealed) =>
      this.#hosts.put(host, { ...about, mode, sealed }),
    );
    return certificate;
  }

  /** In PEM, made at first need. @throws as Seals.open */
  key(name: string, make: () => Promise<string>): Promise<string> {
    return this.#turns.run(name, async () => {
      const known = this.#keys.get(name);
      if (known !== undefined) return this.#open(aboutKey(name), known);
      const pem = await make();
      await this.#seals.seal(aboutKey(name), pem, (sealed) => this.#keys.put(name, { sealed }));
      return pem;
    });
  }

  /** Of a host that comes back a certificate that still holds is used again: an authority signs few of each. */
  forgetExpired(hosts: ReadonlySet<string>, now: number): void {
    for (const [host, { notAfter }] of this.#hosts.entries())
      if (!hosts.has(host) && notAfter <= now) this.#hosts.delete(host);
  }

  async #open(about: string, kept: Kept): Promise<string> {
    return 'pem' in kept ? kept.pem : this.#seals.open(about, kept.sealed);
  }
}
