import type { RegistryCredentials } from './registries.ts';
import type { ServicePlanAnswer, SharedDifferenceAnswer } from './app-history.ts';

// The shapes of /berth/v1/apps, for its clients. Streams are one JSON object a line.

export interface ProjectBody {
  /** Absolute. */
  folder: string;
  /** Absolute or relative to the folder; the later changes the earlier. */
  files: string[];
  /** Files with variables; absent: `.env`, if there is one. */
  envFiles?: string[];
  /** The caller's variables that the files mention. */
  environment: Record<string, string>;
  appName?: string;
  /** A warning is an error. */
  strict?: boolean;
  /** Build images again whose context did not change. */
  rebuild?: boolean;
}

export interface UpBody extends ProjectBody {
  /** Seconds that a service may take to become healthy, or to complete; 300 unless given. */
  timeout?: number;
  /** Only this part of the replicas, beside the present ones: above 0, at most 1. */
  canary?: number;
  /** The id of the plan that is carried out: nothing else is done. */
  plan?: string;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
  /** Credentials for the registries of its images, by registry. They are used for this change and not kept. */
  registries?: Record<string, RegistryCredentials>;
}

export interface PlanBody extends ProjectBody {
  canary?: number;
}

export interface ScaleBody {
  /** Replicas by service. */
  counts: Record<string, number>;
  timeout?: number;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
}

export interface ControlBody {
  /** Absent: all of the app. */
  services?: string[];
  /** Seconds that a service may take to become healthy. */
  timeout?: number;
  /** Seconds that a container may take to stop. */
  stopTimeout?: number;
}

export interface DownBody {
  volumes?: boolean;
  /** Seconds that a container may take to stop. */
  timeout?: number;
}

export interface AppStep {
  kind: string;
  reason: string;
  service?: string;
  image?: string;
  name?: string;
  names?: string[];
  /** Those that get requests from now on, by name, and those that get none any more, by id. */
  to?: string[];
  from?: string[] | string;
  seconds?: number;
}

export interface Notice {
  severity: 'error' | 'warning' | 'advice';
  code: string;
  message: string;
  file: string;
  line: number;
  column: number;
}

export interface PlanAnswer {
  app: string;
  /** The same as long as neither the files nor the host change. */
  id: string;
  revision: number;
  steps: AppStep[];
  /** What becomes of each service, and why. */
  services: ServicePlanAnswer[];
  shared: SharedDifferenceAnswer[];
  /** What a person should know beside the steps, such as a scale that stays in force. */
  notes: string[];
  notices: Notice[];
}

/** The compose files of a project as one. */
export interface ConfigAnswer {
  app: string;
  /** Names of the active services. */
  services: string[];
  yaml: string;
  notices: Notice[];
}

/** Names of the variables that the compose files of a project ask for. */
export interface VariablesAnswer {
  variables: string[];
}

export type AppStreamEvent =
  | ({ type: 'notice' } & Notice)
  | { type: 'note'; message: string }
  | {
      type: 'plan';
      app: string;
      revision: number;
      steps: AppStep[];
      services?: ServicePlanAnswer[];
      shared?: SharedDifferenceAnswer[];
    }
  | { type: 'step'; step: AppStep; state: 'started' | 'done' | 'undone' | 'failed'; message?: string }
  | { type: 'progress'; step: AppStep; id?: string; text: string; current?: number; total?: number }
  | {
      type: 'unwell';
      service: string;
      container: string;
      message: string;
      probe?: { exitCode: number; output: string };
      logs: string[];
    }
  | { type: 'result'; app: string; revision: number; changed: boolean; services: ServiceAnswer[] }
  /** The last line of a change that failed. */
  | { type: 'error'; code: string; message: string; hint?: string };

export interface AppAnswer {
  name: string;
  revision: number;
  folder: string;
  files: string[];
  services: ServiceAnswer[];
}

export interface ServiceAnswer {
  name: string;
  wanted: number;
  replicas: ReplicaAnswer[];
  /** A person stopped it. */
  stopped?: true;
  /** Replicas that failed too often: nothing is tried any more until the next `up`. `log` holds their last lines. */
  crashLoops?: { replica: number; reason: string; log: string[] }[];
}

export interface ReplicaAnswer {
  container: string;
  id: string;
  replica: number;
  image: string;
  status: string;
  health: string;
  exitCode: number;
  /** Bytes, when memory ran out in its latest run. */
  outOfMemory?: { limit: number; peak: number };
  startedAt: string;
  ports: { container: string; hostIp: string; hostPort: number }[];
}

export interface LogLine {
  service: string;
  replica: number;
  container: string;
  stream: 'stdout' | 'stderr';
  time: string;
  line: string;
}
