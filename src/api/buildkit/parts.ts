import type { Builds, Images, Sessions, Solves } from '#engine/contracts.ts';
import type { System } from '#engine/system/system.ts';

/** What the services of BuildKit's protocol work with. */
export interface BuildkitParts {
  builds: Builds;
  images: Images;
  sessions: Sessions;
  solves: Solves;
  system: System;
  now: () => number;
}
