import { filesComment } from '#domain/build/history.ts';
import { shellOf } from '#domain/build/metadata.ts';
import { hasNames } from '#domain/build/owner.ts';
import { configOf, expanderFor, lookupIn } from '#domain/build/state.ts';
import type { Image } from '#domain/image/image.ts';
import type { Named } from '#domain/dockerfile/instruction.ts';
import type { Dockerfile } from '#domain/dockerfile/parse.ts';
import { cacheKey } from '#domain/build/cache-key.ts';
import type { UsableOrigin } from '#engine/builds/build-run.ts';
import {
  copyComment,
  expandCopy,
  ownerOf,
  performCopy,
  type CopyWork,
  type PreparedCopy,
} from '#engine/builds/copy-step.ts';
import { say } from '#engine/builds/output.ts';
import type { Standing, Step } from '#engine/builds/step.ts';
import type { WritablePlace } from '#ports/file-trees.ts';

/** What a COPY or ADD does. @throws invalid `dockerfile-invalid`, `build-copy-failed`, `owner-unknown` */
export async function prepareCopy(
  standing: Standing,
  instruction: Named<'COPY' | 'ADD'>,
  file: Dockerfile,
): Promise<Step> {
  const { run, state, stage, sink, key, cached } = standing;
  const config = configOf(state);
  const expand = expanderFor(file, instruction, lookupIn(state));
  const work = await linked(standing, expandCopy(instruction, expand, config.WorkingDir ?? ''));
  const origin = await run.origin(work.from, instruction, stage, sink);
  const how = howOf(work);
  const cheap =
    origin.id === undefined
      ? []
      : [key(['copy-of', origin.id, ...how, JSON.stringify([work.paths, work.texts])])];
  if ((await cached(cheap)) !== undefined) return { state, comment: '', keys: cheap };
  const prepared = await run.prepareCopy(work, origin);
  // Docker ends the line of the progress of each download.
  if (work.urls.length > 0) await say(sink, '\n'.repeat(work.urls.length));
  const parts = ['copy', ...how, prepared.digest];
  return {
    state,
    comment: filesComment(shellOf(config), copyComment(prepared)),
    keys: [...cheap, key(parts)],
    work: {
      by: 'daemon',
      // The same whatever it stands on.
      ...(work.link && { apart: cacheKey('apart', [...run.stamp, ...parts]) }),
      do: (root, _id, upper) => perform(standing, prepared, origin, { root, upper }),
    },
  };
}

function perform(
  { run }: Standing,
  prepared: PreparedCopy,
  origin: UsableOrigin,
  root: Pick<WritablePlace, 'root' | 'upper'>,
): Promise<void> {
  return origin.use((source) =>
    performCopy(run.parts.trees, run.rebased(prepared, source), root, run.signal),
  );
}

/** Everything that the result depends on beside the content. */
function howOf(work: CopyWork): string[] {
  const { instruction, destination, chown = '', mode, parents, link, unpack, exclude } = work;
  const flags = [
    parents ? 'parents' : '',
    link ? 'link' : '',
    String(unpack ?? ''),
    JSON.stringify(mode ?? ''),
  ];
  return [instruction, destination, chown, ...flags, ...exclude];
}

/** A layer of its own has no files in which names could be looked up: those of the stage tell the numbers. */
async function linked({ run, image }: Standing, work: CopyWork): Promise<CopyWork> {
  const { chown, link } = work;
  if (!link || chown === undefined || !hasNames(chown)) return work;
  const { trees, snapshotter } = run.parts;
  const { uid, gid } = await snapshotter.view(chainOf(image), (root) => ownerOf(trees, work, root));
  return { ...work, chown: `${uid}:${gid}` };
}

function chainOf(image: Image | undefined): Image['chainId'] {
  return image?.chainId ?? '';
}
