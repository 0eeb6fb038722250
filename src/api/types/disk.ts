// The shapes of /berth/v1/disk, for its clients. Sizes are in bytes.

export type DiskKindName =
  'images' | 'containers' | 'volumes' | 'build-cache' | 'sources' | 'logs' | 'registry' | 'temporary';

export interface DiskRowAnswer {
  kind: DiskKindName;
  count: number;
  /** In use. */
  active: number;
  size: number;
  /** What removing all that nothing uses would free. */
  reclaimable: number;
  /** What it may come to, where there is such a limit. */
  limit?: number;
  /** What holds for it, in words. */
  rule: string;
  items: { name: string; size: number; state: string }[];
}

export interface DiskAnswer {
  /** Of the file system that the root folder is on. */
  total: number;
  free: number;
  /** Below this, what nothing uses goes. */
  keepFree: number;
  /** Seconds between two collections; 0: only by hand. */
  period: number;
  rows: DiskRowAnswer[];
}

export interface CollectBody {
  dryRun?: boolean;
  /** All that nothing uses, not only what the rules say. */
  unused?: boolean;
}

export interface CollectAnswer {
  /** In the order of their removal. */
  items: {
    kind: 'download' | 'upload' | 'context' | 'packages' | 'source' | 'registry' | 'cache' | 'image';
    id: string;
    name: string;
    bytes: number;
    why: string;
  }[];
  bytes: number;
  /** Before the removal. */
  free: number;
  keepFree: number;
  /** What is missing all the same. */
  short: number;
}
