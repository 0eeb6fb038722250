// The deploy section of a service (Compose Deploy specification). Absent fields were not written: whoever acts on
// them says its default. Times are in seconds.

export interface Deploy {
  mode: 'replicated' | 'global' | 'replicated-job' | 'global-job';
  endpointMode?: 'vip' | 'dnsrr';
  labels: Record<string, string>;
  update?: UpdateRule;
  rollback?: UpdateRule;
  restart?: RestartRule;
  reservations?: Reservations;
  placement?: Placement;
}

export interface UpdateRule {
  /** Replicas at a time; 0: all at once. */
  parallelism?: number;
  /** Between two groups. */
  delay?: number;
  /** `rollback` in an update only. */
  failureAction?: 'pause' | 'continue' | 'rollback';
  /** After a replica was replaced, how long its failure counts as the update's. */
  monitor?: number;
  /** 0 to 1. */
  maxFailureRatio?: number;
  order?: 'start-first' | 'stop-first';
}

export interface RestartRule {
  condition: 'none' | 'on-failure' | 'any';
  delay?: number;
  maxAttempts?: number;
  window?: number;
}

export interface Reservations {
  /** Cores. */
  cpus?: number;
  /** Bytes. */
  memory?: number;
}

export interface Placement {
  /** As written, such as `node.labels.disk==ssd`. */
  constraints: string[];
  /** Labels to spread over. */
  spread: string[];
  maxReplicasPerNode?: number;
}
