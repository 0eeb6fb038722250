// What differs, what is planned and what was: parts of /berth/v1/apps.

export interface DifferenceAnswer {
  /** By the compose file's name: `image`, `environment` ... */
  setting: string;
  /** Which one of several, such as a variable's name. */
  key?: string;
  kind: 'added' | 'removed' | 'changed';
  /** Only of settings that can hold no secret. */
  before?: string;
  after?: string;
  /** Of a config's content: `-` goes, `+` comes, a space stays, `...` is left out. */
  lines?: string[];
  /** It takes another container. */
  renews: boolean;
}

export interface ServicePlanAnswer {
  service: string;
  /** `image`: it is pulled or built first; what follows depends on whether it is another one. */
  action: 'create' | 'replace' | 'image' | 'scale' | 'start' | 'stop' | 'remove' | 'settings' | 'keep';
  /** Containers that are made. */
  made: number;
  order?: 'start-first' | 'stop-first';
  /** What makes the order stop-first. */
  because?: string;
  reason: string;
  differences: DifferenceAnswer[];
}

export interface SharedDifferenceAnswer {
  noun: 'network' | 'volume';
  key: string;
  kind: 'added' | 'removed';
}

export interface AppDifferenceAnswer {
  services: { service: string; kind: 'added' | 'removed' | 'changed'; differences: DifferenceAnswer[] }[];
  shared: SharedDifferenceAnswer[];
}

export interface HistoryAnswer {
  app: string;
  number: number;
  /** RFC 3339. */
  created: string;
  by: string;
  reason: string;
  state: 'in force' | 'former' | 'failed';
  /** What kept it from getting well. */
  failure?: string;
  /** The revision to which it went back. */
  of?: number;
  /** What was different from the one before, in words. */
  changes: string[];
  folder: string;
  files: string[];
  sources: string;
}

export interface HistoryDetailAnswer extends HistoryAnswer {
  images: { service: string; image: string; imageId?: string }[];
  sincePrevious: AppDifferenceAnswer;
  /** From what is in force to this one: what a rollback would change. */
  toIt: AppDifferenceAnswer;
}

export interface RollbackBody {
  /** Absent: the last one before that in force that was well. */
  revision?: number;
  timeout?: number;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
}
