import type { Container, MountPoint } from '#domain/container/container.ts';
import type { ContainerConfig, HostConfig } from '#domain/container/config.ts';
import {
  inheritedMount,
  parseVolumesFrom,
  requestedMounts,
  type MountDraft,
} from '#domain/container/mount-request.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import { newId } from '#base/ids.ts';
import { invalid } from '#base/errors.ts';
import type { Undo } from '#engine/containers/undo.ts';

/**
 * Decides on all mounts of a container that is being made; nothing is created yet, but anonymous volumes
 * have their names.
 * @throws invalid, not-found for a container of VolumesFrom
 */
export function draftMounts(
  config: ContainerConfig,
  host: HostConfig,
  find: (ref: string) => Container,
): MountDraft[] {
  const inherited = (host.VolumesFrom ?? []).flatMap((text) => {
    const { container, mode } = parseVolumesFrom(text);
    return find(container).mounts.map((point) => inheritedMount(point, mode));
  });
  const asked = requestedMounts(config, host, inherited).map(named);
  const own = new Set(asked.map((draft) => draft.point.destination));
  const taken = [...new Map(inherited.map((point) => [point.destination, point])).values()];
  return [
    ...taken
      .filter((point) => !own.has(point.destination))
      .map((point): MountDraft => ({ point, missingSource: 'create' })),
    ...asked,
  ];
}

function named(draft: MountDraft): MountDraft {
  if (draft.volume === undefined) return draft;
  return { ...draft, point: { ...draft.point, name: draft.volume.name ?? newId() } };
}

/**
 * Makes volumes and missing folders.
 * @param app to which the volumes that nobody named belong, also when their container is gone
 * @throws invalid `mount-invalid` for a bind source that must exist
 */
export async function realizeMounts(
  parts: Pick<ContainerParts, 'volumes' | 'files'>,
  drafts: MountDraft[],
  undo: Undo,
  app: string | undefined,
): Promise<MountPoint[]> {
  const points: MountPoint[] = [];
  for (const draft of drafts) points.push(await realize(parts, draft, undo, app));
  return points;
}

async function realize(
  { volumes, files }: Pick<ContainerParts, 'volumes' | 'files'>,
  { point, volume, missingSource }: MountDraft,
  undo: Undo,
  app: string | undefined,
): Promise<MountPoint> {
  if (point.type === 'bind') {
    if ((await files.kind(point.source)) !== undefined) return point;
    if (missingSource === 'refuse')
      throw invalid(
        'mount-invalid',
        `invalid mount config for type "bind": bind source path does not exist: ${point.source}`,
      );
    await files.makeFolder(point.source);
    return point;
  }
  const name = point.name;
  if (point.type === 'tmpfs' || name === undefined || volume === undefined) return point;
  const existed = volumes.find(name) !== undefined;
  const made = await volumes.create({
    name,
    ...(volume.driver === undefined ? {} : { driver: volume.driver }),
    options: volume.options,
    labels: volume.labels,
    anonymous: point.anonymous === true,
    ...(point.anonymous === true && app !== undefined ? { app } : {}),
  });
  if (!existed) undo.add(() => volumes.remove(name, true));
  return { ...point, source: made.mountpoint, driver: made.driver };
}

/** Fills empty volumes with what the image has at their place. */
export async function copyUp(
  { snapshotter, rootFiles, volumes }: Pick<ContainerParts, 'snapshotter' | 'rootFiles' | 'volumes'>,
  id: string,
  points: MountPoint[],
): Promise<void> {
  const wanting = points.filter((point) => point.type === 'volume' && point.copyUp === true);
  if (wanting.length === 0) return;
  const root = await snapshotter.mount(id);
  try {
    for (const point of wanting)
      await rootFiles.copyUp(root, point.destination, await volumes.use(point.name ?? ''));
  } finally {
    await snapshotter.unmount(id);
  }
}
