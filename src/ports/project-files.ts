/** The files of an app's project on this machine. Nothing is ever written. */
export interface ProjectFiles {
  /**
   * Undefined when it does not exist.
   * @throws invalid `project-file-unreadable` (a folder, no permission, larger than 4 MiB)
   */
  readText(path: string): Promise<string | undefined>;
  /**
   * A text that changes when a file below the folder is added, removed, renamed or written: made of names,
   * kinds, modes, sizes and times, not of contents, so that it is cheap.
   * @throws not-found `project-folder-missing`
   */
  fingerprint(folder: string): Promise<string>;
}
