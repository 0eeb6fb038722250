import type { CdiFile } from '#domain/container/cdi.ts';
import type { HostFacts, ResolvedDevice, UserNamespaceSource } from '#domain/container/spec-input.ts';

/** What a container's specification needs to know of the host and of the container's root file system. */
export interface Host {
  readonly facts: HostFacts;
  /** What containers live in unless they ask for the host's; absent: that is the host's. */
  readonly userNamespace?: UserNamespaceSource;
  /**
   * The device at `path`, or all devices below it when it is a folder, as they appear below `pathInContainer`.
   * @throws invalid `device-missing` with Docker's words
   */
  devices(path: string, pathInContainer: string, permissions: string): Promise<ResolvedDevice[]>;
  /** The files of the Container Device Interface on this host. @throws invalid `cdi-spec-invalid` */
  cdiFiles(): Promise<CdiFile[]>;
  /** All devices below /dev, for privileged containers. */
  allDevices(): Promise<ResolvedDevice[]>;
  /**
   * Text of a file in a root file system, following symbolic links inside that root only; undefined when
   * it does not exist. For /etc/passwd and /etc/group.
   * @throws invalid `file-not-regular`, `file-too-large` above 4 MiB
   */
  readInRoot(root: string, path: string): Promise<string | undefined>;
  /** Makes a folder in a root file system, as `readInRoot` finds paths, unless it exists. The owner is as the container sees it. */
  makeFolderInRoot(root: string, path: string, owner: { uid: number; gid: number }): Promise<void>;
  /**
   * Makes what programs look for in a container of Docker, unless the image has it: the empty file /.dockerenv, by which
   * they tell where they are, and the link /etc/mtab to the mounts.
   */
  markRoot(root: string): Promise<void>;
}
