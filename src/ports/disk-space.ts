/** The file system that the root folder is on. */
export interface DiskSpace {
  /** Bytes in all, and those that can still be written. Cheap: one system call. */
  measure(): Promise<{ total: number; free: number }>;
}
