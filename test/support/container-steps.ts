import type { HostConfig } from '#domain/container/config.ts';
import type { Containers } from '#engine/containers/containers.ts';
import type { World } from './container-room.ts';

// What tests of the room containers do, and what they look at afterwards.

/** Gives its id. */
export async function create(room: Containers, hostConfig: HostConfig = {}, name = 'web'): Promise<string> {
  const request = {
    name,
    config: { Image: 'x' },
    hostConfig: { NetworkMode: 'none', ...hostConfig },
    endpoints: {},
  };
  return (await room.create(request)).id;
}

/** Lets everything run that waits for nothing. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

export const nothing = { snapshots: 0, mounted: 0, sandboxes: 0, files: 0, tasks: 0, volumes: 0 };
/** How much of each there is on the pretended host. */
export const held = (world: World): typeof nothing => ({
  snapshots: world.snapshots.size,
  mounted: world.mounted.size,
  sandboxes: world.sandboxes.size,
  files: world.files.size,
  tasks: world.tasks.size,
  volumes: world.volumes.size,
});
