import type { Volume } from '#domain/volume/volume.ts';

export interface NewVolume {
  name?: string;
  driver?: string;
  options?: Record<string, string>;
  labels?: Record<string, string>;
  anonymous?: boolean;
  app?: string;
}

export interface Volumes {
  /** @throws not-found `volume-missing` "get NAME: no such volume" */
  get(name: string): Volume;
  find(name: string): Volume | undefined;
  list(): Volume[];
  /** A volume of that name: the existing one, or a new one. */
  create(request: NewVolume): Promise<Volume>;
  /** @throws conflict `volume-in-use` naming the containers */
  remove(name: string, force: boolean): Promise<void>;
  /** Makes the volume's directory ready (mounts what its options ask for) and gives its path. */
  use(name: string): Promise<string>;
  /** Removes the unused volumes among `candidates`. Gives their names and the bytes that this freed. */
  prune(candidates: Volume[]): Promise<{ removed: string[]; bytes: number }>;
  /** Bytes on disk. */
  usage(name: string): Promise<number>;
  /** Ids of the containers that use it. */
  users(name: string): string[];
  usedBy(source: (volume: string) => string[]): void;
}
