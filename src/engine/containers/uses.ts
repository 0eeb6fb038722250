import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import { isActive } from '#domain/container/state.ts';

/** Tells images, volumes and networks who uses what, before they let something be removed. */
export function tellUses(
  { images, volumes, networks }: Pick<ContainerParts, 'images' | 'volumes' | 'networks'>,
  registry: ContainerRegistry,
): void {
  images.usedBy((imageId) =>
    registry
      .ofImage(imageId)
      .map((container) => ({ containerId: container.id, running: isActive(container) })),
  );
  // One that is being removed holds its volumes no more: they may have to go with it.
  volumes.usedBy((name) =>
    registry
      .ofVolume(name)
      .filter(({ state }) => state.status !== 'removing')
      .map(({ id }) => id),
  );
  networks.connectedBy((networkId) =>
    registry
      .ofNetwork(networkId)
      .flatMap((container) =>
        container.endpoints
          .filter((endpoint) => endpoint.networkId === networkId)
          .map((endpoint) => ({ container, endpoint })),
      ),
  );
}
