import type { Container, MountPoint } from '#domain/container/container.ts';
import type { MountSource } from '#domain/container/spec-input.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import { invalid } from '#base/errors.ts';
import type { Undo } from '#engine/containers/undo.ts';

// What mounts need on the host while a container runs: a snapshot of an image, the part of a volume that a subpath
// names, a bind whose source can propagate. All of it is found again by the container's record.

type SourceParts = Pick<ContainerParts, 'snapshotter' | 'files' | 'volumes'>;

/** The key of the snapshot that an image mount shows. */
function imageKey(id: string, index: number): string {
  return `${id}-image${index}`;
}

/** The container whose image mount has this key; undefined for a key that is none of an image mount. */
export function ownerOfImageKey(key: string): string | undefined {
  return /^([0-9a-f]{64})-image\d+$/.exec(key)?.[1];
}

/** Makes the snapshots of image mounts, which keep the images' layers. @throws as Images.get */
export async function createImageMounts(
  { images, snapshotter }: Pick<ContainerParts, 'images' | 'snapshotter'>,
  id: string,
  points: MountPoint[],
  undo: Undo,
): Promise<MountPoint[]> {
  const made: MountPoint[] = [];
  for (const [index, point] of points.entries()) {
    if (point.type !== 'image') {
      made.push(point);
      continue;
    }
    const image = images.get(point.source);
    undo.add(() => snapshotter.remove(imageKey(id, index)));
    await snapshotter.create(imageKey(id, index), image.chainId);
    made.push({ ...point, source: image.id });
  }
  return made;
}

/** What mounts show, by destination, once it is there for the container to run. @throws invalid */
export async function openSources(
  parts: SourceParts,
  container: Container,
): Promise<Record<string, MountSource>> {
  const sources: Record<string, MountSource> = {};
  for (const [index, point] of container.mounts.entries()) {
    if (point.type === 'volume' && point.name !== undefined) await parts.volumes.use(point.name);
    await checkPropagation(parts.files, point);
    const path = await openSource(parts, container.id, index, point);
    const isFile = !point.readWrite && (await parts.files.kind(path ?? point.source)) === 'other';
    sources[point.destination] = { ...(path !== undefined && { path }), ...(isFile && { isFile }) };
  }
  return sources;
}

/** The path of what is there only while the container runs. */
async function openSource(
  { snapshotter, files }: SourceParts,
  id: string,
  index: number,
  point: MountPoint,
): Promise<string | undefined> {
  const image = point.type === 'image' ? await snapshotter.mount(imageKey(id, index)) : undefined;
  if (point.subpath === undefined) return image;
  return files.mountPart(id, index, image ?? point.source, point.subpath);
}

/**
 * Secrets and configs as files on a tmpfs, by where they are to appear.
 * @throws as Secrets.value
 */
export async function openGranted(
  { files, secrets }: Pick<ContainerParts, 'files' | 'secrets'>,
  { id, granted = [] }: Container,
): Promise<{ source: string; destination: string }[]> {
  if (granted.length === 0) return [];
  const contents = await Promise.all(
    granted.map(async ({ uid, gid, mode, from }) => ({ content: await secrets.value(from), uid, gid, mode })),
  );
  const paths = await files.mountContents(id, contents);
  return granted.map(({ target }, index) => ({ source: paths[index] ?? '', destination: target }));
}

/** Idempotent. */
export async function closeSources(
  { snapshotter, files }: Pick<SourceParts, 'snapshotter' | 'files'>,
  { id, mounts }: Pick<Container, 'id' | 'mounts'>,
): Promise<void> {
  await files.unmountAll(id);
  for (const [index, point] of mounts.entries())
    if (point.type === 'image') await snapshotter.unmount(imageKey(id, index));
}

/** Idempotent. */
export async function removeImageMounts(
  { snapshotter }: Pick<SourceParts, 'snapshotter'>,
  { id, mounts }: Pick<Container, 'id' | 'mounts'>,
): Promise<void> {
  for (const [index, point] of mounts.entries())
    if (point.type === 'image') await snapshotter.remove(imageKey(id, index));
}

/** A bind propagates only from a mount of the host that does so itself. */
async function checkPropagation(files: ContainerParts['files'], point: MountPoint): Promise<void> {
  const asked = point.propagation.replace(/^r/, '');
  if (point.type !== 'bind' || (asked !== 'shared' && asked !== 'slave')) return;
  const { mountPoint, propagation } = await files.mountOf(point.source);
  if (propagation === 'shared' || (propagation === 'slave' && asked === 'slave')) return;
  const required = asked === 'shared' ? 'a shared' : 'a shared or slave';
  throw invalid(
    'mount-not-shared',
    `path ${point.source} is mounted on ${mountPoint} but it is not ${required} mount`,
    { hint: `mount --make-shared ${mountPoint}` },
  );
}
