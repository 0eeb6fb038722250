import { parentOf } from '#domain/base/lineage.ts';
import { baseRegistry } from '#domain/base/base-name.ts';
import type { RefreshCandidate } from '#domain/base/refresh-plan.ts';
import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { BuildRecord, RecordedBuilds } from './recorded-builds.ts';

/** Every tag with what a plan needs to know of it. Steps of builds are images too; they come anew with what is built of them. */
export function candidatesOf(
  images: readonly Image[],
  outdated: ReadonlySet<string>,
  builds: Pick<RecordedBuilds, 'recordOf'>,
): RefreshCandidate[] {
  const named = images.filter(({ tags }) => tags.length > 0);
  const byTag = new Map(named.flatMap(({ tags, id }) => tags.map((tag) => [tag, id] as const)));
  return named.flatMap((image) => {
    const parent = parentOf(image, named);
    return image.tags.map((name) => {
      const record = builds.recordOf(name, image.id);
      const sources = (record?.sources ?? []).map((source) => byTag.get(source.name));
      const parentIds = [...sources, parent?.id].filter((id) => id !== undefined && id !== image.id);
      return {
        ...{ name, imageId: image.id, origin: originOf(name, image, record) },
        parentIds: parentIds.filter((id) => id !== undefined),
        outdated: outdated.has(image.id),
        moved: movedSources(record, byTag),
      };
    });
  });
}

/** The names that a build took images by which stand for others now. */
function movedSources(record: BuildRecord | undefined, byTag: ReadonlyMap<string, string>): string[] {
  return (record?.sources ?? [])
    .filter(({ name, imageId }) => (byTag.get(name) ?? imageId) !== imageId)
    .map(({ name }) => name);
}

function originOf(name: string, image: Image, record: BuildRecord | undefined): RefreshCandidate['origin'] {
  const { registry, repository } = parseReference(name);
  if (registry === baseRegistry) return { kind: 'make' };
  if (record !== undefined && record.lacks.length > 0)
    return { kind: 'unknown', reason: `its build was given ${record.lacks.join(' and ')}: build it again` };
  if (record !== undefined) return { kind: 'build' };
  const start = `${formatReference({ registry, repository })}@`;
  if (image.repoDigests.some((digest) => digest.startsWith(start))) return { kind: 'pull' };
  return {
    kind: 'unknown',
    reason:
      'how it was built is not known here, as it was loaded, tagged or built before this was remembered: build it again',
  };
}
