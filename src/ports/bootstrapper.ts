import type { Readable } from 'node:stream';
import type { BaseContents } from '#domain/base/contents.ts';
import type { Offer } from '#domain/package/outdated.ts';

/** Which package lists are asked for. */
export interface ListsRequest {
  suite: string;
  /** Debian's word, such as amd64. */
  architecture: string;
  /** Ask the mirror even when it was asked a moment ago; then a mirror that does not answer is an error. */
  fresh?: boolean;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}

export interface BootstrapRequest extends ListsRequest {
  contents: BaseContents;
}

export interface BootstrapPlan {
  /** Name, version of every package in the closure, sorted by name. The cache key. */
  packages: { name: string; version: string }[];
  /** Seconds; the suite's release date, so that the same packages give the same bytes. */
  epoch: number;
}

/** Lists and packages of a suite, kept so that they need not be fetched again. */
export interface KeptPackages {
  /** Such as bookworm-amd64. */
  id: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970: when they were used last. */
  touched: number;
  inUse: boolean;
}

/** Makes root file systems from signed packages of a distribution. */
export interface Bootstrapper {
  /** Of images that name none: the host's own where it is of the distribution, else the newest that is known. */
  defaultSuite(): Promise<string>;
  /**
   * What a build would contain. @throws not-found `package-unknown` naming it, not-found `suite-unknown`; unavailable
   * `mirror-unreachable`, `mirror-untrusted`
   */
  plan(request: BootstrapRequest): Promise<BootstrapPlan>;
  /** A reproducible tar of the root file system. @throws as plan; unavailable `bootstrap-failed` with the tool's words */
  build(request: BootstrapRequest, plan: BootstrapPlan): Promise<Readable>;
  /** Every version that the suite's sources have of these packages; unknown ones have none. @throws as plan */
  offers(request: ListsRequest, names: readonly string[]): Promise<Offer[]>;
  kept(): Promise<KeptPackages[]>;
  /** Keeps these no more, unless they are in use now. */
  removeKept(accepts: (id: string) => boolean): Promise<void>;
}
