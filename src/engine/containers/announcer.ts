import type { Container } from '#domain/container/container.ts';
import type { Events } from '#engine/contracts.ts';

/** Emits a container's event with the attributes that Docker's have: image, name and all labels. */
export function announce(
  events: Events,
  container: Container,
  action: string,
  more: Record<string, string> = {},
): void {
  const attributes = {
    ...container.config.Labels,
    image: container.imageName,
    name: container.name,
    ...more,
  };
  events.emit('container', action, container.id, attributes);
}
