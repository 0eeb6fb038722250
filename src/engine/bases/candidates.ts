import { parentOf } from '#domain/base/lineage.ts';
import { baseRegistry } from '#domain/base/base-name.ts';
import type { RefreshCandidate } from '#domain/base/refresh-plan.ts';
import type { Image } from '#domain/image/image.ts';
import { parseReference, repositoryOf } from '#domain/image/reference.ts';
import type { BuildRecord } from './build-record.ts';
import type { RecordedBuilds } from './recorded-builds.ts';

/** What is known of images when it is planned how they are refreshed. */
export interface RefreshFacts {
  /** Ids of images with newer packages in the mirror, or of which the registry has a newer one. */
  outdated: ReadonlySet<string>;
  /** Names of which the registry has what is here. */
  current: ReadonlySet<string>;
  /** Why a name that was built here is left as it is, for people. */
  leftAlone: (name: string) => string | undefined;
  /** As `RefreshCandidate.tried`. */
  tried: (name: string, imageId: string) => string | undefined;
}

/** Every tag with what a plan needs to know of it. Steps of builds are images too; they come anew with what is built of them. */
export function candidatesOf(
  images: readonly Image[],
  facts: RefreshFacts,
  builds: Pick<RecordedBuilds, 'recordOf'>,
): RefreshCandidate[] {
  const named = images.filter(({ tags }) => tags.length > 0);
  const byTag = new Map(named.flatMap(({ tags, id }) => tags.map((tag) => [tag, id] as const)));
  return named.flatMap((image) => {
    const parent = parentOf(image, named);
    return image.tags.map((name) => {
      const record = builds.recordOf(name, image.id);
      const sources = (record?.sources ?? []).map((source) => byTag.get(source.name));
      // What it was pinned to stays as it is, whatever becomes of its names.
      const pinned = (record?.pinned ?? []).some(({ imageId }) => imageId === parent?.id);
      const parentIds = [...sources, pinned ? undefined : parent?.id];
      const tried = facts.tried(name, image.id);
      return {
        ...{ name, imageId: image.id, origin: originOf(name, image, record, facts) },
        parentIds: [...new Set(parentIds.filter((id) => id !== undefined))].filter((id) => id !== image.id),
        outdated: facts.outdated.has(image.id),
        moved: movedSources(record, byTag),
        ...(tried !== undefined && { tried }),
      };
    });
  });
}

/** Whether a name got its image from a registry. */
export function isPulled({ repoDigests }: Pick<Image, 'repoDigests'>, name: string): boolean {
  const reference = parseReference(name);
  const start = `${repositoryOf(reference)}@`;
  return reference.registry !== baseRegistry && repoDigests.some((digest) => digest.startsWith(start));
}

/** The names that a build took images by which stand for others now. */
function movedSources(record: BuildRecord | undefined, byTag: ReadonlyMap<string, string>): string[] {
  return (record?.sources ?? [])
    .filter(({ name, imageId }) => (byTag.get(name) ?? imageId) !== imageId)
    .map(({ name }) => name);
}

function originOf(
  name: string,
  image: Image,
  record: BuildRecord | undefined,
  { current, leftAlone }: RefreshFacts,
): RefreshCandidate['origin'] {
  const unknown = (reason: string): RefreshCandidate['origin'] => ({ kind: 'unknown', reason });
  if (parseReference(name).registry === baseRegistry) return { kind: 'make' };
  const reason = record === undefined ? undefined : leftAlone(name);
  if (reason !== undefined) return unknown(reason);
  if (record !== undefined)
    return record.lacks.length === 0
      ? { kind: 'build' }
      : unknown(`its build was given ${record.lacks.join(' and ')}: build it again`);
  if (isPulled(image, name))
    return current.has(name) ? unknown('its registry has nothing newer yet') : { kind: 'pull' };
  return unknown(
    'how it was built is not known here, as it was loaded, tagged or built before this was remembered: build it again',
  );
}
