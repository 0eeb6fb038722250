import { depthOf, parentOf } from '#domain/base/lineage.ts';
import { baseRegistry } from '#domain/base/base-name.ts';
import type { RefreshCandidate } from '#domain/base/refresh-plan.ts';
import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { RecordedBuilds } from './recorded-builds.ts';

/** Every tag with what a plan needs to know of it. Steps of builds are images too; they come anew with what is built of them. */
export function candidatesOf(
  images: readonly Image[],
  outdated: ReadonlySet<string>,
  builds: Pick<RecordedBuilds, 'recordOf'>,
): RefreshCandidate[] {
  const named = images.filter(({ tags }) => tags.length > 0);
  return named.flatMap((image) => {
    const parent = parentOf(image, named);
    return image.tags.map((name) => ({
      ...{ name, imageId: image.id, origin: originOf(name, image, builds) },
      ...(parent === undefined ? {} : { parentId: parent.id }),
      ...{ depth: depthOf(image, named), outdated: outdated.has(image.id) },
    }));
  });
}

function originOf(
  name: string,
  image: Image,
  builds: Pick<RecordedBuilds, 'recordOf'>,
): RefreshCandidate['origin'] {
  const { registry, repository } = parseReference(name);
  if (registry === baseRegistry) return { kind: 'make' };
  const record = builds.recordOf(name, image.id);
  if (record !== undefined && record.lacks.length > 0)
    return { kind: 'unknown', reason: `its build was given ${record.lacks.join(' and ')}: berth up --build` };
  if (record !== undefined) return { kind: 'build' };
  const start = `${formatReference({ registry, repository })}@`;
  if (image.repoDigests.some((digest) => digest.startsWith(start))) return { kind: 'pull' };
  return {
    kind: 'unknown',
    reason:
      'how it was built is not known here: its build context was sent by a client, or it was loaded or tagged; build it again',
  };
}
