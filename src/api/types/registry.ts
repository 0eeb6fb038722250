// The shapes of the built-in registry's management, for clients of Berth's own API. /v2/ is the specification's.

export type RegistryAction = 'pull' | 'push' | 'delete';

export interface RegistryRight {
  /** Pattern of repositories. */
  repositories: string;
  actions: RegistryAction[];
}

export interface RegistryStatusAnswer {
  running: boolean;
  /** ADDRESS:PORT */
  address: string;
  tls: 'off' | 'local' | 'files' | 'acme';
  /** Under which the engine knows it for its own. */
  names: string[];
  /** RFC 3339. */
  certificateExpires?: string;
  /** Why it is not served although it should be, or goes on with the certificate that it has. */
  problem?: string;
  /** RFC 3339: when that is tried again. */
  nextTry?: string;
  /** Nobody has to log in. */
  open: boolean;
  repositories: number;
  uploads: number;
}

export interface RegistryStartBody {
  address?: string;
  names?: string[];
  tls?: 'auto' | 'off' | 'local' | 'files' | 'acme';
  /** Absolute paths. */
  cert?: string;
  key?: string;
}

export interface RegistryUserAnswer {
  name: string;
  rights: RegistryRight[];
  created: string;
}

export interface RegistryUserBody {
  name: string;
  password: string;
  rights: { repositories: string; actions: string[] }[];
}

export interface RegistryTokenAnswer {
  id: string;
  user: string;
  name: string;
  created: string;
  expires?: string;
  rights?: RegistryRight[];
}

export interface RegistryTokenBody {
  user: string;
  name: string;
  days?: number;
  rights?: { repositories: string; actions: string[] }[];
}

/** The secret is told this once. */
export type NewRegistryTokenAnswer = RegistryTokenAnswer & { secret: string };

export interface RepositoryAnswer {
  name: string;
  tags: number;
  manifests: number;
  /** Bytes. */
  size: number;
  /** Bytes that no other repository has too. */
  own: number;
  /** Bytes that it may still take; absent without a quota. */
  room?: number;
  /** Of a mirrored one. */
  upstream?: string;
}

export interface TagAnswer {
  tag: string;
  digest: string;
  pushed: string;
  by: string;
  pulled?: string;
  size: number;
  isImmutable: boolean;
}

export interface RegistryCollectedAnswer {
  tags: { repository: string; tag: string; rule: string; why: string }[];
  manifests: { repository: string; digest: string }[];
  blobs: { repository: string; digest: string; size: number }[];
  uploads: number;
}

export type RegistryFindingAnswer =
  | { kind: 'progress'; blobs: number; bytes: number }
  | {
      kind: 'damaged' | 'missing';
      digest: string;
      repositories: string[];
      repairedFrom?: string;
      problem?: string;
    };

export interface RetentionBody {
  repositories: string;
  tags: string;
  keepLast?: number;
  /** Days. */
  olderThan?: number;
  unusedFor?: number;
}

export interface ImmutableTagsBody {
  repositories: string;
  tags: string;
}

export interface QuotaAnswer {
  repositories: string;
  /** Bytes. */
  limit: number;
  /** Each of the repositories may have so much, or all of them together. */
  scope: 'each' | 'all';
}

export interface QuotaBody extends Omit<QuotaAnswer, 'limit'> {
  /** `20GB` */
  limit: string;
}

export interface RegistryMirrorBody {
  prefix: string;
  upstream: string;
  secret?: string;
  /** Seconds. */
  freshFor: number;
}

export interface WebhookBody {
  url: string;
  events: string[];
  repositories: string;
  secret?: string;
}

export interface WebhookAnswer extends WebhookBody {
  id: string;
  created: string;
  waiting: number;
  delivered: number;
  lost: number;
  problem?: string;
}
