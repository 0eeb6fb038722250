import type { Builds, Images, Networks, ResultFiles, Sessions, Solves } from '#engine/contracts.ts';
import type { DiskCollector } from '#engine/disk/collector.ts';
import type { System } from '#engine/system/system.ts';

/** What the services of BuildKit's protocol work with. */
export interface BuildkitParts {
  builds: Builds;
  images: Images;
  networks: Pick<Networks, 'list'>;
  resultFiles: ResultFiles;
  sessions: Sessions;
  solves: Solves;
  system: System;
  diskCollector: Pick<DiskCollector, 'rules' | 'isAutomatic'>;
  now: () => number;
}
