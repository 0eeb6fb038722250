import type { Readable } from 'node:stream';

export interface BootstrapRequest {
  /** Debian package names; empty for the plain base. */
  packages: string[];
  suite: string;
  /** Debian's word, such as amd64. */
  architecture: string;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}

export interface BootstrapPlan {
  /** Name, version of every package in the closure, sorted by name. The cache key. */
  packages: { name: string; version: string }[];
  /** Seconds; the suite's release date, so that the same packages give the same bytes. */
  epoch: number;
}

/** Makes root file systems from signed packages of a distribution. */
export interface Bootstrapper {
  /** What a build would contain. @throws not-found `package-unknown` naming it, not-found `suite-unknown` */
  plan(request: BootstrapRequest): Promise<BootstrapPlan>;
  /** A reproducible tar of the root file system. @throws as plan; unavailable `bootstrap-failed` with the tool's words */
  build(request: BootstrapRequest, plan: BootstrapPlan): Promise<Readable>;
}
