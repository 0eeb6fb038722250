import type { AppStreamEvent } from './apps.ts';

// The shapes of POST /berth/v1/apps/:app/watch, a stream of one JSON object a line.

export interface WatchBody {
  /** Absent: all services that say what to watch. */
  services?: string[];
  /** Seconds that a service may take to become healthy after a restart or a rebuild; 300 unless given. */
  timeout?: number;
}

export type WatchStreamEvent =
  /** What a rebuild does. */
  | AppStreamEvent
  /** A path is followed from now on. */
  | { type: 'watching'; service: string; action: string; path: string }
  /** Files were brought into all replicas of a service; `paths` are the first of them. */
  | { type: 'copied'; service: string; copied: number; removed: number; replicas: number; paths: string[] }
  | { type: 'rebuilding'; service: string }
  | { type: 'rebuilt'; service: string }
  | { type: 'restarted'; service: string; replicas: number }
  | { type: 'executed'; service: string; container: string; command: string[]; output: string }
  /** Something was not done; the rest is. */
  | { type: 'problem'; service?: string; message: string };
