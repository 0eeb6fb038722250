/** `x-berth.autoscale` of a service: how many replicas it has follows from what it does. */
export interface Autoscale {
  /** 1 or more. */
  min: number;
  max: number;
  cpu?: UsageTarget;
  memory?: UsageTarget;
  /** For each replica, of those that come through ingress. */
  requestsPerSecond?: number;
  /** Requests and connections for each replica, of those that come through ingress. */
  inFlight?: number;
  metric?: MetricTarget;
  /** How far a metric may be from its target, as a share of it, before anything is done. */
  tolerance: number;
  up: ScalingRules;
  down: ScalingRules;
  schedule: ScheduledMinimum[];
}

/** A share of what a replica has, or an amount for each replica: cores, or bytes. */
export type UsageTarget = { share: number } | { amount: number };

/** A metric that the replicas expose in the text format of Prometheus. */
export interface MetricTarget {
  name: string;
  port: number;
  path: string;
  /** Only series with these labels count. */
  labels: Record<string, string>;
  /** `average`: the mean of the replicas. `value`: of the service as a whole, such as the length of a queue that each replica tells. */
  kind: 'average' | 'value';
  target: number;
}

/** As `behavior` of Kubernetes' HorizontalPodAutoscaler; seconds. */
export interface ScalingRules {
  window: number;
  /** The one that allows most holds; none allows nothing. */
  policies: ScalingPolicy[];
}

export interface ScalingPolicy {
  kind: 'percent' | 'pods';
  value: number;
  period: number;
}

/** At least so many replicas from each time that is due on, for so many seconds. */
export interface ScheduledMinimum {
  cron: string;
  timezone: string;
  min: number;
  for: number;
}

export const standardTolerance = 0.1;

/** The defaults of Kubernetes (HPA, "Default Behavior"). */
export const standardUp: ScalingRules = {
  window: 0,
  policies: [
    { kind: 'percent', value: 100, period: 15 },
    { kind: 'pods', value: 4, period: 15 },
  ],
};

export const standardDown: ScalingRules = {
  window: 300,
  policies: [{ kind: 'percent', value: 100, period: 15 }],
};
