import { BerthError, messageOf } from '#base/errors.ts';
import {
  certificateFlaws,
  nextAttempt,
  renewalTime,
  type WantedCertificate,
} from '#domain/ingress/certificates.ts';
import type { IngressSettings, OwnCertificate } from '#domain/ingress/model.ts';
import type { CertificateView } from '#engine/contracts/ingress.ts';
import type { Seals, Secrets } from '#engine/contracts/secrets.ts';
import type { Balancer } from '#ports/balancer.ts';
import type {
  AcmeAuthority,
  Certificate,
  CertificateFiles,
  GivenCertificate,
  LocalAuthority,
} from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';
import type { StateStore } from '#ports/state-store.ts';
import { AcmeOrders } from './acme-orders.ts';
import { CertificateStore } from './certificate-store.ts';
import { readSecretPair } from './secret-pair.ts';

export interface CertificateParts {
  store: StateStore;
  clock: Clock;
  balancer: Pick<Balancer, 'setCertificate' | 'setChallenge' | 'offered'>;
  local: LocalAuthority;
  acme: AcmeAuthority;
  files: CertificateFiles;
  secrets: Pick<Secrets, 'value'> & { seals: Seals };
  settings: IngressSettings['acme'];
  report: (problem: string, error: unknown) => void;
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
  /** It waits for the master key. */
  isLocked?: boolean;
}

/** Files of people, and whether the master key is there, are looked at so often, in milliseconds. */
const lookMs = 10_000;

/** Which host is offered which certificate; gets and renews them. */
export class Certificates {
  readonly acme: AcmeOrders;
  readonly #parts: CertificateParts;
  readonly #store: CertificateStore;
  readonly #entries = new Map<string, Entry>();
  /** An authority while this machine's own cannot be opened. */
  #passing: string | undefined;
  readonly #closing = new AbortController();
  #wake = new AbortController();
  #isTending = false;

  constructor(parts: CertificateParts) {
    this.#parts = parts;
    this.#store = new CertificateStore(parts.store, parts.secrets.seals);
    this.acme = new AcmeOrders({ ...parts, store: this.#store });
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
    await this.#sealAll();
    for (const host of this.#entries.keys()) if (!hosts.has(host)) this.#entries.delete(host);
    for (const one of wanted) await this.#begin(one);
    this.#store.forgetExpired(hosts, this.#parts.clock.now());
    for (const entry of this.#entries.values()) if (entry.isLocked === true) entry.due = 0;
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

  /** Nothing is begun any more, and orders are given up. */
  close(): void {
    this.#closing.abort(new Error('the daemon ends'));
    this.#wake.abort();
  }

  /** Whether some of them cannot be opened without the master key. */
  get isLocked(): boolean {
    return [...this.#entries.values()].some((entry) => entry.isLocked === true);
  }

  /** Those that an earlier version kept in clear; they work as they are, so nothing waits for that. */
  async #sealAll(): Promise<void> {
    await this.#store
      .sealAll()
      .catch((error: unknown) => this.#parts.report('keys of ingress stay in the state in clear', error));
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
    try {
      const known = own !== undefined ? await this.#given(own) : await this.#kept(wanted);
      if (known !== undefined) return this.#ready(wanted, known);
      const current = await this.issueLocal([host]);
      if (mode === 'internal') return this.#ready(wanted, await this.#store.keep(host, 'internal', current));
      return { wanted, current, isStandIn: true, failures: 0, due: this.#parts.clock.now() };
    } catch (error) {
      return this.#meanwhile(wanted, error);
    }
  }

  #ready(wanted: WantedCertificate, { names, ...current }: Certificate & { names?: string[] }): Entry {
    const due = this.#nextLook(wanted, current);
    return { wanted, current, isStandIn: false, failures: 0, due, ...(names && { names }) };
  }

  #nextLook({ own }: WantedCertificate, current: Certificate): number {
    if (own === undefined) return renewalTime(current);
    // A version of a secret never changes.
    return 'cert' in own ? this.#parts.clock.now() + lookMs : Number.POSITIVE_INFINITY;
  }

  /** What is offered while the one that is wanted cannot be opened or read: what was offered until now. */
  async #meanwhile(wanted: WantedCertificate, error: unknown): Promise<Entry> {
    const { balancer, files, clock, report } = this.#parts;
    const { host } = wanted;
    const offered = this.#entries.get(host)?.current.pem ?? (await balancer.offered(host));
    const name = host === '' ? 'any host' : host;
    const instead = offered === undefined ? 'a certificate of this machine' : 'what it was offered before';
    report(`${name} is offered ${instead} instead of its own`, error);
    const current = offered === undefined ? await this.#standIn(host) : files.describe(offered);
    const lock = isOfMasterKey(error) ? { isLocked: true } : {};
    const due = clock.now() + lookMs;
    return { wanted, current, isStandIn: true, failures: 1, due, problem: messageOf(error), ...lock };
  }

  /** Without the key of this machine's authority by another one, which nobody will know again. */
  async #standIn(host: string): Promise<Certificate> {
    const { clock, local } = this.#parts;
    try {
      return await this.issueLocal([host]);
    } catch {
      this.#passing ??= await local.create(clock.now());
      return local.issue(this.#passing, host, clock.now());
    }
  }

  /** A stored one that still holds. */
  async #kept({ host, mode }: WantedCertificate): Promise<Certificate | undefined> {
    const { clock } = this.#parts;
    return this.#store.has(host, mode, clock.now()) ? this.#store.certificate(host) : undefined;
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

  #authority(): Promise<string> {
    const { clock, local } = this.#parts;
    return this.#store.key('local-authority', () => local.create(clock.now()));
  }

  /** Gets what is due, one after the other, and sleeps until the next. */
  async #tend(): Promise<void> {
    while (!this.#closing.signal.aborted && this.#entries.size > 0) {
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
      const { names, ...fresh } = await this.#obtain(entry);
      // Meanwhile another one may be wanted, or none.
      if (this.#entries.get(host) !== entry) return;
      if (fresh.pem !== entry.current.pem) await balancer.setCertificate({ host, pem: fresh.pem });
      Object.assign(entry, { current: fresh, isStandIn: false, failures: 0 }, names && { names });
      delete entry.problem;
      delete entry.isLocked;
      entry.due = this.#nextLook(entry.wanted, fresh);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      entry.failures += 1;
      // Files may be in the middle of being replaced; an authority counts how often it is asked.
      entry.isLocked = isOfMasterKey(error);
      const isNear = own !== undefined || entry.isLocked;
      entry.due = isNear ? clock.now() + lookMs : nextAttempt(clock.now(), entry.failures);
      if (entry.problem !== messageOf(error))
        this.#parts.report(`the certificate of ${host} is not renewed`, error);
      entry.problem = messageOf(error);
    }
  }

  async #obtain({ wanted, isStandIn }: Entry): Promise<Certificate & { names?: string[] }> {
    const { host, mode, own } = wanted;
    if (own !== undefined) return this.#given(own);
    const kept = isStandIn ? await this.#kept(wanted) : undefined;
    if (kept !== undefined) return kept;
    if (mode === 'internal') return this.#store.keep(host, 'internal', await this.issueLocal([host]));
    return this.acme.issue([host], this.#closing.signal);
  }
}

/** It is locked, missing or another one: a person helps, and nothing else. */
function isOfMasterKey(error: unknown): boolean {
  return error instanceof BerthError && error.code.startsWith('secrets-');
}
