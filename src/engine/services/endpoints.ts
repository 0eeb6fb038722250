import type { Container } from '#domain/container/container.ts';
import type { ServiceEndpoint } from '#engine/contracts/services.ts';

/** Replicas of a service as those who act on them know them, sorted. */
export function endpointsOf(containers: readonly Container[]): ServiceEndpoint[] {
  return containers
    .map(({ id, name, identity, endpoints }) => {
      const { replica = 0, revision = 0 } = identity ?? {};
      return { containerId: id, containerName: name, replica, revision, endpoints };
    })
    .sort((a, b) => a.replica - b.replica || a.containerId.localeCompare(b.containerId));
}
