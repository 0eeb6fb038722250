import type { Credentials } from '#ports/registry-client.ts';

/** Where an app's files lie and what they may use of the caller's environment. */
export interface ProjectRequest {
  /** Absolute. */
  folder: string;
  /** Absolute or relative to the folder; the later changes the earlier. */
  files: string[];
  /** Files with variables, absolute or relative to the folder; absent: `.env`, if there is one. */
  envFiles?: string[];
  environment: Record<string, string>;
  /** Overrides the name in the file. */
  appName?: string;
  /** A warning is an error. */
  strict: boolean;
}

export interface UpRequest extends ProjectRequest {
  /** Build images again whose context did not change. */
  rebuild: boolean;
  /** Seconds that a service may take to become healthy, or to complete. */
  timeout: number;
  /** Who asks, for the history. */
  by: string;
  /** Only this part of the replicas, beside the present ones: above 0, at most 1. */
  canary?: number;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
  /** The id of the plan that was shown: nothing else is done. */
  plan?: string;
  /** Credentials by registry, for its images. */
  auths?: Record<string, Credentials>;
}

export interface PlanRequest extends ProjectRequest {
  rebuild: boolean;
  canary?: number;
}

export type Requester = Pick<UpRequest, 'by' | 'timeout'>;

export interface ScaleRequest extends Requester {
  /** Replicas by service. */
  counts: Record<string, number>;
  /** Also when more is reserved than the machine has. */
  overcommit?: boolean;
}

export interface ControlRequest extends Requester {
  /** Empty: all of the app. */
  services: string[];
  /** Seconds that a container may take to stop; absent: its own. */
  stopTimeout?: number;
}

export interface DownRequest {
  volumes: boolean;
  /** Seconds that a container may take to stop; absent: its own. */
  timeout?: number;
}

export interface LogsRequest {
  /** Absent: all of them. */
  service?: string;
  follow: boolean;
  /** Lines of each container. */
  tail?: number;
  /** RFC 3339. */
  since?: string;
  signal: AbortSignal;
}
