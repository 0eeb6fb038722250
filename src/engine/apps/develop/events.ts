import type { AppEvent } from '#engine/apps/events.ts';
import type { WatchRule } from '#domain/app/model.ts';

/** What a person is told while files are followed; a rebuild tells what an `up` does. */
export type WatchEvent =
  | AppEvent
  /** A path is followed from now on. */
  | { type: 'watching'; service: string; action: WatchRule['action']; path: string }
  /** Files were brought into all replicas of a service; `paths` are the first of them. */
  | { type: 'copied'; service: string; copied: number; removed: number; replicas: number; paths: string[] }
  | { type: 'rebuilding'; service: string }
  | { type: 'rebuilt'; service: string }
  | { type: 'restarted'; service: string; replicas: number }
  | { type: 'executed'; service: string; container: string; command: string[]; output: string }
  /** Something was not done; the rest is. */
  | { type: 'problem'; service?: string; message: string };

export type EmitWatch = (event: WatchEvent) => void;
