import { renewalTime } from '#domain/ingress/certificates.ts';
import { acmeHosts, certificateHosts, type ServedTls, type ServingConfig } from '#domain/registry/serving.ts';
import type { Certificate, CertificateFiles } from '#ports/certificates.ts';
import type { Clock } from '#ports/clock.ts';

export interface CertificateSources {
  clock: Pick<Clock, 'now'>;
  files: Pick<CertificateFiles, 'read'>;
  /** A certificate of this machine's authority for hosts and addresses. */
  issueLocal: (hosts: readonly string[]) => Promise<Certificate>;
  /** Of those by ACME that still hold the one that is for most of the hosts; `missing`: for which it is not. */
  keptAcme: (
    hosts: readonly string[],
  ) => Promise<{ certificate: Certificate; missing: string[] } | undefined>;
  /** One by ACME for all of the hosts. */
  issueAcme: (hosts: readonly string[], signal: AbortSignal) => Promise<Certificate>;
}

/** What to serve with. */
export interface Offer {
  /** Undefined: plain HTTP. */
  certificate: Certificate | undefined;
  /** When to look for another one, in milliseconds since 1970; no later than now: by asking an authority elsewhere. */
  due: number;
  /** Names that it is not for. */
  missing: readonly string[];
}

/** Certificates of this machine's authority are renewed that long before they end, in milliseconds. */
const renewMs = 30 * 86_400_000;
/** How often files are read again, in milliseconds. */
const lookMs = 3_600_000;
/** No sooner is another one asked for, whatever the times of a certificate, in milliseconds. */
const calmMs = 60_000;

/** Where the registry's certificates come from. */
export class ServedCertificates {
  readonly #sources: CertificateSources;

  constructor(sources: CertificateSources) {
    this.#sources = sources;
  }

  /**
   * What is to be had without asking an authority elsewhere; undefined when that has to be asked first.
   * @param current what is served with now
   */
  async atHand(
    config: ServingConfig,
    tls: ServedTls,
    current: Certificate | undefined,
  ): Promise<Offer | undefined> {
    const { clock, files, issueLocal, keptAcme } = this.#sources;
    const missing: string[] = [];
    if (tls === 'off') return { certificate: undefined, due: Infinity, missing };
    if (tls === 'files') {
      const certificate = await files.read({ cert: config.cert, key: config.key });
      return { certificate, due: clock.now() + lookMs, missing };
    }
    if (tls === 'local') {
      const isGood = current !== undefined && current.notAfter - renewMs > clock.now();
      const certificate = isGood ? current : await issueLocal(certificateHosts(config));
      return { certificate, due: Math.max(certificate.notAfter - renewMs, clock.now() + calmMs), missing };
    }
    const kept = await keptAcme(acmeHosts(config));
    if (kept === undefined) return undefined;
    return { ...kept, due: kept.missing.length > 0 ? clock.now() : renewalTime(kept.certificate) };
  }

  /** One by ACME for all names. @throws as issueAcme; the signal's reason */
  async order(config: ServingConfig, signal: AbortSignal): Promise<Offer> {
    const { clock, issueAcme } = this.#sources;
    const certificate = await issueAcme(acmeHosts(config), signal);
    return { certificate, due: Math.max(renewalTime(certificate), clock.now() + calmMs), missing: [] };
  }
}
