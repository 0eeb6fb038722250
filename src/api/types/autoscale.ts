// The shapes of autoscaled services, for clients of Berth's own API.

export interface ProposalAnswer {
  metric: string;
  /** What it asks for; absent when nothing could be measured. */
  replicas?: number;
  /** For each replica, or of the whole service. */
  measured?: number;
  target: number;
  formula: string;
}

export interface ScalingRulesAnswer {
  /** Seconds. */
  window: number;
  policies: { kind: 'percent' | 'pods'; value: number; period: number }[];
}

export interface AutoscaleAnswer {
  app: string;
  service: string;
  min: number;
  max: number;
  tolerance: number;
  up: ScalingRulesAnswer;
  down: ScalingRulesAnswer;
  schedule: { cron: string; timezone: string; min: number; for: number }[];
  /** What it has now, and what it would get if this were a regular look. */
  current: number;
  replicas: number;
  proposals: ProposalAnswer[];
  /** The highest proposal; absent when nothing is known that can be acted on. */
  recommended?: number;
  /** The same after the windows. */
  stabilized: number;
  /** The minimum at this time. */
  floor: number;
  /** The most and the fewest that the policies allow now. */
  pace: { most: number; fewest: number };
  /** Why it is another number than recommended. */
  limits: string[];
  /** What the targets are shares of, and what could not be read. */
  notes: string[];
  /** Why nothing is changed at present. */
  paused?: string;
  /** The oldest first; times in RFC 3339. */
  changes: { at: string; from: number; to: number; reason: string }[];
}
