import type { Instance } from '#domain/instance.ts';
import type { CreateContainer, Events, Images, Networks, Secrets, Volumes } from '#engine/contracts.ts';
import type { Cgroups } from '#ports/cgroups.ts';
import type { Clock } from '#ports/clock.ts';
import type { ContainerFiles } from '#ports/container-files.ts';
import type { Host } from '#ports/host.ts';
import type { HostProcesses } from '#ports/host-processes.ts';
import type { Links } from '#ports/links.ts';
import type { LogStore } from '#ports/log-store.ts';
import type { LogTargets } from '#ports/log-targets.ts';
import type { Prober } from '#ports/prober.ts';
import type { RootFiles } from '#ports/root-files.ts';
import type { Runtime } from '#ports/runtime.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';
import type { StateStore } from '#ports/state-store.ts';

/** Everything that the room containers works with. */
export interface ContainerParts {
  store: StateStore;
  clock: Clock;
  events: Events;
  images: Images;
  networks: Networks;
  volumes: Volumes;
  secrets: Pick<Secrets, 'value'>;
  runtime: Runtime;
  prober: Prober;
  snapshotter: Snapshotter;
  logs: LogStore;
  logTargets: LogTargets;
  cgroups: Cgroups;
  links: Links;
  host: Host;
  files: ContainerFiles;
  rootFiles: RootFiles;
  processes: HostProcesses;
  instance: Instance;
  /** Absolute host path of a static init program; absent: `--init` is refused. */
  initPath?: string;
  /** An integer from 0 up to, not including, `below`. */
  random: (below: number) => number;
  /** Policies that may refuse or warn, asked before anything is made. */
  admission: Admission[];
  /** Says what went wrong in the background: nobody waits for the answer there. */
  report: (problem: string, error: unknown) => void;
}

/** The one door for policies. Gives warnings. @throws forbidden with what was found and what is required */
export type Admission = (request: CreateContainer) => string[];
