import type { Step } from '#domain/app/step.ts';
import type { Severity } from '#domain/compose/problem.ts';
import type { PlanReport } from './planning.ts';

/** What a person is told while an app changes. */
export type AppEvent =
  | {
      type: 'notice';
      severity: Severity;
      code: string;
      message: string;
      file: string;
      line: number;
      column: number;
    }
  | { type: 'note'; message: string }
  | ({ type: 'plan'; app: string; revision: number; steps: Step[] } & Partial<PlanReport>)
  | { type: 'step'; step: Step; state: 'started' | 'done' | 'undone' }
  | { type: 'step'; step: Step; state: 'failed'; message: string }
  /** Of a pull or a build: `id` is a layer; numbers are bytes. */
  | { type: 'progress'; step: Step; id?: string; text: string; current?: number; total?: number }
  | {
      type: 'unwell';
      service: string;
      container: string;
      message: string;
      probe?: ProbeReport;
      logs: string[];
    }
  | { type: 'result'; app: string; revision: number; changed: boolean; services: ServiceSummary[] };

export interface ProbeReport {
  exitCode: number;
  output: string;
}

export interface AppSummary {
  name: string;
  revision: number;
  /** Absolute; '' when only containers are left of the app. */
  folder: string;
  files: string[];
  services: ServiceSummary[];
}

export interface ServiceSummary {
  name: string;
  wanted: number;
  replicas: ReplicaSummary[];
  /** A person stopped it. */
  stopped?: true;
  /** Replicas that failed too often: nothing is tried any more until a person's next command. */
  crashLoops?: { replica: number; reason: string; log: string[] }[];
}

export interface ReplicaSummary {
  container: string;
  id: string;
  replica: number;
  image: string;
  status: string;
  health: string;
  exitCode: number;
  /** Bytes, when memory ran out in its latest run. */
  outOfMemory?: { limit: number; peak: number };
  /** RFC 3339. */
  startedAt: string;
  ports: { container: string; hostIp: string; hostPort: number }[];
}

/** One line of an app's output. */
export interface AppLogLine {
  service: string;
  replica: number;
  container: string;
  stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  time: string;
  line: string;
}
