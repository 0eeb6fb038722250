/** The files of an app's project on this machine. Nothing is ever written. */
export interface ProjectFiles {
  /**
   * Undefined when it does not exist.
   * @throws invalid `project-file-unreadable` (a folder, no permission, larger than 4 MiB)
   */
  readText(path: string): Promise<string | undefined>;
  /**
   * The content of a file as it is; undefined when it does not exist.
   * @throws as `readText`
   */
  readBytes(path: string): Promise<Uint8Array | undefined>;
  /**
   * A text that changes when a file below the folder is added, removed, renamed or gets another content, mode or owner.
   * A file that was not touched since the last time is not read again.
   * @throws not-found `project-folder-missing`
   */
  fingerprint(folder: string): Promise<string>;
}
