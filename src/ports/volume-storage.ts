/** What is mounted on a volume's folder when it is used: mount(8) without a command line. */
export interface VolumeMount {
  /** `tmpfs`, `none`, `nfs`, `ext4` ... */
  type: string;
  device: string;
  /** Comma separated, as in fstab. */
  options: string;
}

/** The folders that hold the volumes' data. All removals are idempotent. */
export interface VolumeStorage {
  /** Absolute path of the volume's data, whether it exists or not. */
  path(name: string): string;
  /** Makes the folder unless it exists. */
  create(name: string): Promise<void>;
  /** Unmounts and removes. What a crash interrupts is finished by `repair`. */
  remove(name: string): Promise<void>;
  /** Mounts on the volume's folder unless something is mounted there. @throws invalid `volume-mount-failed` */
  mount(name: string, mount: VolumeMount): Promise<void>;
  /** Bytes on disk. */
  usage(name: string): Promise<number>;
  /** Finishes removals that a crash interrupted. Data of volumes are never touched. */
  repair(): Promise<void>;
}
