import type { RegistryCredentials } from './registries.ts';

/** A place of files: a folder of the daemon's machine, an image, or what `docker build` takes as a URL. */
export type BuildPlace = { folder: string } | { image: string } | { remote: string };

export type BuildCacheSource = { type: 'registry'; reference: string } | { type: 'local'; folder: string };

export type BuildCacheTarget =
  | { type: 'inline' }
  | { type: 'registry'; reference: string; mode?: 'min' | 'max' }
  | { type: 'local'; folder: string; mode?: 'min' | 'max' };

/** What `oci`, `docker` and `tar` give comes in the answer, by the place of the output in the list. */
export type BuildOutputChoice =
  | { type: 'image'; names: string[]; push?: boolean }
  | { type: 'oci' | 'docker'; names: string[] }
  | { type: 'tar' }
  /** Into a folder that is there; with the owner, all files are theirs. */
  | { type: 'local'; folder: string; uid?: number; gid?: number };

/** `POST /berth/v1/builds` */
export interface BuildBody {
  /** `upload`: a tar, sent by `POST /build?version=2&buildid=upload-request:UPLOAD`. Empty: without files. */
  context: Exclude<BuildPlace, { image: string }> | { upload: string } | { empty: true };
  dockerfile?: string;
  dockerfileText?: string;
  contexts?: Record<string, BuildPlace>;
  tags?: string[];
  buildArgs?: Record<string, string>;
  labels?: Record<string, string>;
  target?: string;
  platform?: string;
  /** Several: one index in a registry or archive. */
  platforms?: string[];
  noCache?: boolean;
  noCacheFor?: string[];
  pull?: boolean;
  network?: string;
  extraHosts?: string[];
  allow?: ('network.host' | 'security.insecure')[];
  /** In base64. */
  secrets?: Record<string, string>;
  /** By id the path of an agent's socket, or of files with keys. */
  ssh?: Record<string, string[]>;
  outputs?: BuildOutputChoice[];
  cacheFrom?: BuildCacheSource[];
  cacheTo?: BuildCacheTarget[];
  /** In the words of `--annotation`. */
  annotations?: string[];
  /** In the words of `--provenance` and `--sbom`: `mode=max`, `true`. */
  attest?: { provenance?: string; sbom?: string };
  /** Seconds since 1970. */
  sourceDateEpoch?: number;
  registries?: Record<string, RegistryCredentials>;
  /** Builds twice and compares; looks at the Dockerfile and builds nothing. */
  mode?: 'build' | 'verify' | 'check';
}

export interface BuildWarningLine {
  rule: string;
  message: string;
  detail?: string;
  url?: string;
  file: string;
  line: number;
}

export interface BuildResultLine {
  /** Digest of the configuration, and of the manifest or index, as a registry has it where it was pushed. */
  imageId: string;
  manifest: string;
  tags: string[];
}

/** Of a build that was verified. */
export interface VerificationLine {
  isReproducible: boolean;
  sourceDateEpoch: number;
  /** The image of the second build, the step and the first file that differ. */
  secondId?: string;
  step?: string;
  path?: string;
  reasons?: string[];
}

/** One line of the answer. */
export interface BuildLine {
  vertex?: {
    digest: string;
    name: string;
    started?: number;
    completed?: number;
    cached: boolean;
    error?: string;
  };
  log?: { vertex: string; stream: 1 | 2; text: string };
  warning?: BuildWarningLine;
  /** A piece of an output, in base64. */
  output?: { index: number; data: string };
  checked?: { isError: boolean; failure?: string };
  verification?: VerificationLine;
  result?: BuildResultLine;
  error?: string;
}
