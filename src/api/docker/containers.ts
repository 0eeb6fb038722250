import type { FastifyInstance } from 'fastify';
import type { Hijack } from '#api/docker/hijack.ts';
import type { Containers, Images, Networks } from '#engine/contracts.ts';
import { containerFiles } from '#api/docker/containers-files.ts';
import { containerLifeCycle } from '#api/docker/containers-lifecycle.ts';
import { containerViews } from '#api/docker/containers-list.ts';
import { containerStreams } from '#api/docker/containers-streams.ts';
import { execRoutes } from '#api/docker/exec.ts';
import { statsRoutes } from '#api/docker/stats.ts';

export interface ContainerApiParts {
  containers: Containers;
  images: Images;
  networks: Pick<Networks, 'portsOf'>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** All routes of containers and execs. */
export function containerRoutes(app: FastifyInstance, hijack: Hijack, parts: ContainerApiParts): void {
  containerViews(app, parts);
  containerLifeCycle(app, parts);
  containerStreams(app, hijack, parts);
  containerFiles(app, parts);
  execRoutes(app, hijack, parts);
  statsRoutes(app, parts);
}
