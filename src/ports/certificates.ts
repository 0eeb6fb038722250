/** A chain with its key in PEM, and what people want to know of it. Times are milliseconds since 1970. */
export interface Certificate {
  pem: string;
  notBefore: number;
  notAfter: number;
  issuer: string;
}

/** Makes certificates that only this machine vouches for. */
export interface LocalAuthority {
  /** A new authority: its own certificate and key in PEM. */
  create(now: number): Promise<string>;
  /** One for a host ('' for any) and further hosts or IP addresses, signed by an authority that `create` made. */
  issue(authority: string, host: string, now: number, others?: readonly string[]): Promise<Certificate>;
}

export interface AcmeOrder {
  directory: string;
  /** '' for none. */
  email: string;
  /** PEM. */
  accountKey: string;
  /** One certificate is for all of them. */
  hosts: readonly string[];
  /** Makes an answer appear at a path of each host by plain HTTP; undefined takes it away. */
  answer: (path: string, text: string | undefined) => Promise<void>;
  /** Gives the order up. */
  signal: AbortSignal;
}

/** A certificate authority that checks hosts by itself (RFC 8555). */
export interface AcmeAuthority {
  createKey(): Promise<string>;
  /** @throws unavailable `acme-failed` with what the authority said; the signal's reason */
  issue(order: AcmeOrder): Promise<Certificate>;
}

/** One that people bring along. */
export interface GivenCertificate extends Certificate {
  /** Hosts (`*.example.com` for one label more) and IP addresses that it is for. */
  names: string[];
}

/** A text in PEM, and where it is from, for people. */
export interface NamedText {
  name: string;
  text: string;
}

/** Certificates that people bring along. */
export interface CertificateFiles {
  /** @throws invalid `certificate-invalid`: unreadable, no certificate, or a key of another one */
  read(files: { cert: string; key: string }): Promise<GivenCertificate>;
  /** @throws as `read` */
  pair(chain: NamedText, key: NamedText): GivenCertificate;
  /** A chain with its key, as it is offered. */
  describe(pem: string): Certificate;
}
