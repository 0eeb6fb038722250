// The shapes of /berth/v1/bases and /berth/v1/sbom, for their clients. Streams are one JSON object a line.

export interface BaseImageAnswer {
  /** Manifest's digest. */
  digest: string;
  id: string;
  tags: string[];
  /** Of the package that the image is named after. */
  version: string;
  suite: string;
  /** Bytes of the unpacked files. */
  size: number;
  user: string;
  /** RFC 3339: when it came into this store. */
  stored: string;
}

export interface BaseAnswer {
  name: string;
  summary: string;
  /** Debian packages, without what they depend on. */
  packages: string[];
  /** Those that are here. */
  images: BaseImageAnswer[];
}

export interface ShownBaseAnswer extends Omit<BaseAnswer, 'images'> {
  images: (BaseImageAnswer & {
    installed: { name: string; version: string }[];
    /** What refers to it: signature and bills of materials. */
    attached: { digest: string; type: string; predicate?: string }[];
    /** The image that it was built upon; '' for none that is here. */
    parent: string;
  })[];
}

export interface OutdatedPackageAnswer {
  name: string;
  installed: string;
  candidate: string;
  security: boolean;
}

export interface OutdatedAnswer {
  images: {
    id: string;
    names: string[];
    /** The image of debian.berth that it was built upon; '' for none. */
    base: string;
    /** '' where only `from` is outdated. */
    suite: string;
    packages: OutdatedPackageAnswer[];
    /** Names of images that its build began with or copied from: outdated themselves, or made anew since. */
    from: string[];
    /** Those of its names that stand for another image in their registry by now. */
    newer: string[];
    /** Images that its build named by a digest: a refresh finds the same ones again. */
    pinned: string[];
    /** RFC 3339: when that was found first. */
    since: string;
    running: { container: string; app?: string; service?: string }[];
  }[];
  /** What could not be compared. */
  unknown: { name: string; reason: string }[];
}

export interface RefreshBody {
  image?: string;
  dryRun?: boolean;
  deploy?: boolean;
  /** Base64, by their ids; for builds that were given some, and not kept. */
  secrets?: Record<string, string>;
}

export interface DeploymentAnswer {
  app: string;
  services: string[];
}

export interface PackageChangeAnswer {
  name: string;
  /** '': it was not there, or is not any more. */
  from: string;
  to: string;
}

type RefreshAction = 'make' | 'pull' | 'build';

export type RefreshStreamEvent =
  | { type: 'note'; message: string }
  | {
      type: 'plan';
      steps: { name: string; action: RefreshAction; noCache: boolean }[];
      blocked: { name: string; reason: string }[];
      deployments: DeploymentAnswer[];
    }
  | { type: 'progress'; name: string; text: string }
  | { type: 'step'; name: string; action: RefreshAction; state: 'started' }
  | { type: 'step'; name: string; action: RefreshAction; state: 'unchanged'; message?: string }
  | { type: 'step'; name: string; action: RefreshAction; state: 'done'; changes: PackageChangeAnswer[] }
  | { type: 'step'; name: string; action: RefreshAction; state: 'failed' | 'skipped'; message: string }
  | { type: 'deploy'; app: string; services: string[]; state: 'started' | 'done' }
  | { type: 'deploy'; app: string; services: string[]; state: 'failed' | 'skipped'; message: string }
  | { type: 'result'; refreshed: string[]; failed: string[]; waiting: DeploymentAnswer[] }
  | { type: 'error'; code: string; message: string; hint?: string };

export interface RefreshScheduleAnswer {
  /** The setting `bases.refresh`. */
  setting: string;
  deploy: boolean;
  /** RFC 3339. */
  next?: string;
  last?: { started: string; ended: string; refreshed: string[]; failed: string[]; error?: string };
}

export interface VerifyBody {
  image: string;
  /** PEM of a public key. */
  key: string;
}

export interface VerifyAnswer {
  name: string;
  digest: string;
  /** SHA-256 of the public key that was checked with. */
  key: string;
  /** Absent: the signature holds, and everything that the image consists of is as it was signed. */
  problem?: string;
}

export interface SigningKeyAnswer {
  /** PEM. */
  publicKey: string;
  fingerprint: string;
}
