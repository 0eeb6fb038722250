import type { Container, MountPoint } from '#domain/container/container.ts';
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

/** Tells of each volume that a container which runs now has. */
export function announceMounted(events: Events, container: Container): void {
  for (const { name, destination, readWrite, propagation } of volumesOf(container))
    events.emit('volume', 'mount', name, {
      ...{ driver: 'local', container: container.id, destination, propagation },
      'read/write': String(readWrite),
    });
}

/** Tells of each volume that a container which ran had. */
export function announceUnmounted(events: Events, container: Container): void {
  for (const { name } of volumesOf(container))
    events.emit('volume', 'unmount', name, { driver: 'local', container: container.id });
}

function volumesOf({ mounts }: Container): (MountPoint & { name: string })[] {
  return mounts.flatMap((point) =>
    point.type === 'volume' && point.name !== undefined ? [{ ...point, name: point.name }] : [],
  );
}
