import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { DiskContainerFiles } from '#adapters/container-files/disk-container-files.ts';
import { LinuxProcesses } from '#adapters/host-processes/host-processes.ts';
import { DiskRootFiles } from '#adapters/rootfs/disk-root-files.ts';
import { Containers } from '#engine/containers/containers.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';

/** Where Debian's packages tini-static and docker.io put a static init. */
const initPrograms = ['/usr/bin/tini-static', '/usr/sbin/docker-init', '/usr/bin/docker-init'];

type Shared = Omit<ContainerParts, 'files' | 'rootFiles' | 'processes' | 'random' | 'report' | 'initPath' | 'admission'>;

/** The room containers with what only it uses of the host. */
export function wireContainers(shared: Shared, log: Logger): Containers {
  const initPath = initPrograms.find((path) => existsSync(path));
  return new Containers({
    ...shared,
    files: new DiskContainerFiles(join(shared.instance.run, 'containers')),
    rootFiles: new DiskRootFiles(),
    processes: new LinuxProcesses(),
    random: (below) => randomInt(below),
    report: (problem, error) => log.warn({ err: error }, problem),
    admission: [],
    ...(initPath === undefined ? {} : { initPath }),
  });
}
