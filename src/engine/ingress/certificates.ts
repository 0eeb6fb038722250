import { messageOf } from '#base/errors.ts';
import {
  certificateFlaws,
  nextAttempt,
  renewalTime,
  type WantedCertificate,
} from '#domain/ingress/certificates.ts';
import type { IngressSettings, OwnCertificate } from '#domain/ingress/model.ts';
import type { CertificateView } from '#engine/contracts/ingress.ts';
import type { Secrets } from '#engine/contracts/secrets.ts';
import type { Balancer } from '#ports/balancer.ts';
import type {
  AcmeAuthority,
  Certificate,
  CertificateFiles,
  GivenCertificate,
  LocalAuthority,
} from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { readSecretPair } from './secret-pair.ts';

export interface CertificateParts {
  store: StateStore;
  clock: Clock;
  balancer: Pick<Balancer, 'setCertificate' | 'setChallenge'>;
  local: LocalAuthority;
  acme: AcmeAuthority;
  files: CertificateFiles;
  secrets: Pick<Secrets, 'value'>;
  settings: IngressSettings['acme'];
  report: (problem: string, error: unknown) => void;
}

/** What the state store holds of a host's certificate. */
interface Stored extends Certificate {
  mode: 'acme' | 'internal';
}

interface Entry {
  wanted: WantedCertificate;
  current: Certificate;
  isStandIn: boolean;
  /** Of one that was brought along. */
  names?: string[];
  failures: number;
  /** Milliseconds since 1970. */
  due: number;
  problem?: string;
}

/** Files of people are looked at so often, in milliseconds. */
const fileLookMs = 10_000;

/** Which host is offered which certificate; gets and renews them. */
export class Certificates {
  readonly #parts: CertificateParts;
  readonly #stored: Collection<Stored>;
  readonly #keys: Collection<{ pem: string }>;
  readonly #entries = new Map<string, Entry>();
  #wake = new AbortController();
  #isClosed = false;
  #isTending = false;

  constructor(parts: CertificateParts) {
    this.#parts = parts;
    this.#stored = parts.store.collection<Stored>('certificates');
    this.#keys = parts.store.collection<{ pem: string }>('certificate-keys');
  }

  /**
   * Gives what clients will not like about those that people bring along.
   * @throws invalid `certificate-invalid` for those that cannot be used; as Secrets.value
   */
  async check(wanted: readonly WantedCertificate[]): Promise<string[]> {
    const notes: string[] = [];
    for (const { host, own } of wanted) {
      if (own === undefined) continue;
      const flaws = certificateFlaws(await this.#given(own), host, this.#parts.clock.now());
      notes.push(
        ...flaws.map((flaw) => `clients will refuse the certificate of ${host || 'any host'}: ${flaw}`),
      );
    }
    return notes;
  }

  #given(own: OwnCertificate): Promise<GivenCertificate> {
    const { files, secrets } = this.#parts;
    return 'cert' in own ? files.read(own) : readSecretPair(own, secrets, files);
  }

  /** Every host has one to offer when this returns: the one that is wanted, or a stand-in until that is there. */
  async ensure(wanted: readonly WantedCertificate[]): Promise<void> {
    const hosts = new Set(wanted.map(({ host }) => host));
    for (const host of this.#entries.keys()) if (!hosts.has(host)) this.#entries.delete(host);
    for (const one of wanted) await this.#begin(one);
    this.#forgetExpired(hosts);
    this.#wake.abort();
    if (this.#isTending || this.#entries.size === 0) return;
    this.#isTending = true;
    void this.#tend();
  }

  view(host: string): CertificateView | undefined {
    const entry = this.#entries.get(host);
    if (entry === undefined) return undefined;
    const { current, isStandIn, names } = entry;
    const flaws = names && certificateFlaws({ ...current, names }, host, this.#parts.clock.now());
    const problem = entry.problem ?? (flaws?.length === 0 ? undefined : flaws?.join('; '));
    const view = { issuer: current.issuer, expires: new Date(current.notAfter).toISOString(), isStandIn };
    return problem === undefined ? view : { ...view, problem };
  }

  /** Nothing is begun any more. */
  close(): void {
    this.#isClosed = true;
    this.#wake.abort();
  }

  /** Of a host that comes back a certificate that still holds is used again: an authority signs few of each. */
  #forgetExpired(hosts: ReadonlySet<string>): void {
    const now = this.#parts.clock.now();
    for (const [host, { notAfter }] of this.#stored.entries())
      if (!hosts.has(host) && notAfter <= now) this.#stored.delete(host);
  }

  async #begin(wanted: WantedCertificate): Promise<void> {
    const known = this.#entries.get(wanted.host);
    if (known !== undefined && JSON.stringify(known.wanted) === JSON.stringify(wanted)) return;
    const entry = await this.#first(wanted);
    await this.#parts.balancer.setCertificate({ host: wanted.host, pem: entry.current.pem });
    this.#entries.set(wanted.host, entry);
  }

  async #first(wanted: WantedCertificate): Promise<Entry> {
    const { host, mode, own } = wanted;
    const now = this.#parts.clock.now();
    const ready = (current: Certificate): Entry => ({
      ...{ wanted, current, isStandIn: false, failures: 0 },
      due: own === undefined ? renewalTime(current) : now + fileLookMs,
    });
    const stored = this.#stored.get(host);
    if (stored?.mode === mode && stored.notAfter > now) return ready(stored);
    try {
      if (own !== undefined) {
        const { names, ...given } = await this.#given(own);
        return { ...ready(given), names };
      }
    } catch (error) {
      this.#parts.report(`${host} is offered a certificate of this machine instead of its own`, error);
    }
    const current = await this.#local(host);
    if (mode === 'internal') return ready(this.#keep(host, 'internal', current));
    return { wanted, current, isStandIn: true, failures: 0, due: now };
  }

  /** A certificate of this machine's authority for hosts and IP addresses. */
  async issueLocal([host = '', ...others]: readonly string[]): Promise<Certificate> {
    const { clock, local } = this.#parts;
    return local.issue(await this.#authority(), host, clock.now(), others);
  }

  /** What clients have to trust, to trust this machine's certificates: its authority's own, in PEM. */
  async authorityCertificate(): Promise<string> {
    const [certificate = ''] =
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(await this.#authority()) ?? [];
    return `${certificate}\n`;
  }

  #local(host: string): Promise<Certificate> {
    return this.issueLocal([host]);
  }

  #authority(): Promise<string> {
    const { clock, local } = this.#parts;
    return this.#key('local-authority', () => local.create(clock.now()));
  }

  #keep(host: string, mode: Stored['mode'], certificate: Certificate): Certificate {
    this.#stored.put(host, { ...certificate, mode });
    return certificate;
  }

  async #key(name: string, make: () => Promise<string>): Promise<string> {
    const known = this.#keys.get(name);
    if (known !== undefined) return known.pem;
    const pem = await make();
    this.#keys.put(name, { pem });
    return pem;
  }

  /** Gets what is due, one after the other, and sleeps until the next. */
  async #tend(): Promise<void> {
    while (!this.#isClosed && this.#entries.size > 0) {
      this.#wake = new AbortController();
      const { signal } = this.#wake;
      for (const entry of this.#entries.values())
        if (entry.due <= this.#parts.clock.now()) await this.#renew(entry);
      const next = Math.min(...[...this.#entries.values()].map(({ due }) => due));
      // Timers of Node hold 24 days at most.
      const pause = Math.min(next - this.#parts.clock.now(), 86_400_000);
      await this.#parts.clock.sleep(Math.max(pause, 0), signal).catch(() => undefined);
    }
    this.#isTending = false;
  }

  async #renew(entry: Entry): Promise<void> {
    const { host, own } = entry.wanted;
    const { clock, balancer } = this.#parts;
    try {
      const { names, ...fresh } = await this.#obtain(entry.wanted);
      // Meanwhile another one may be wanted, or none.
      if (this.#entries.get(host) !== entry) return;
      if (fresh.pem !== entry.current.pem) await balancer.setCertificate({ host, pem: fresh.pem });
      Object.assign(entry, { current: fresh, isStandIn: false, failures: 0 }, names && { names });
      delete entry.problem;
      entry.due = own === undefined ? renewalTime(fresh) : clock.now() + fileLookMs;
    } catch (error) {
      entry.failures += 1;
      // Files may be in the middle of being replaced; an authority counts how often it is asked.
      entry.due = own === undefined ? nextAttempt(clock.now(), entry.failures) : clock.now() + fileLookMs;
      if (entry.problem !== messageOf(error))
        this.#parts.report(`the certificate of ${host} is not renewed`, error);
      entry.problem = messageOf(error);
    }
  }

  async #obtain({ host, mode, own }: WantedCertificate): Promise<Certificate & { names?: string[] }> {
    const { acme, balancer, settings } = this.#parts;
    if (own !== undefined) return this.#given(own);
    if (mode === 'internal') return this.#keep(host, 'internal', await this.#local(host));
    const { directory, email } = settings;
    const accountKey = await this.#key(`acme ${directory}`, () => acme.createKey());
    const answer = (path: string, text: string | undefined): Promise<void> =>
      balancer.setChallenge(path, text);
    return this.#keep(host, 'acme', await acme.issue({ directory, email, accountKey, host, answer }));
  }
}
