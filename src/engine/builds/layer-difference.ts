import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { bytesOf } from '#domain/archive/tar-entry.ts';
import { tarMembers } from '#domain/archive/tar-members.ts';
import { differencesOf, type DigestedEntry } from '#domain/build/difference.ts';

/** The first file in which two layers differ. */
export interface FileDifference {
  /** As it stands in the layer, without a slash in front. */
  path: string;
  reasons: string[];
}

/** Reads two uncompressed layers side by side up to where they differ; undefined where no member does. @throws invalid `layer-corrupt` */
export async function firstDifference(one: Readable, other: Readable): Promise<FileDifference | undefined> {
  const firsts = digested(one);
  const seconds = digested(other);
  try {
    for (;;) {
      const [first, second] = await Promise.all([firsts.next(), seconds.next()]);
      if (first.done === true && second.done === true) return undefined;
      const found = difference(valueOf(first), valueOf(second));
      if (found !== undefined) return found;
    }
  } finally {
    await Promise.all([firsts.return(undefined), seconds.return(undefined)]);
    one.destroy();
    other.destroy();
  }
}

function valueOf(result: IteratorResult<DigestedEntry, void>): DigestedEntry | undefined {
  return result.done === true ? undefined : result.value;
}

// Members are sorted by name: of two that differ, the lesser one is in one layer only.
function difference(
  first: DigestedEntry | undefined,
  second: DigestedEntry | undefined,
): FileDifference | undefined {
  if (second === undefined || (first !== undefined && first.entry.name < second.entry.name))
    return first && { path: shown(first), reasons: ['only the first build has it'] };
  if (first === undefined || first.entry.name > second.entry.name)
    return { path: shown(second), reasons: ['only the second build has it'] };
  const reasons = differencesOf(first, second);
  return reasons.length === 0 ? undefined : { path: shown(first), reasons };
}

function shown({ entry }: DigestedEntry): string {
  return Buffer.from(bytesOf(entry.name)).toString('utf8');
}

async function* digested(layer: Readable): AsyncGenerator<DigestedEntry, void, undefined> {
  for await (const { entry, body } of tarMembers(layer)) {
    const hash = createHash('sha256');
    for await (const chunk of body) hash.update(chunk);
    yield { entry, content: hash.digest('hex') };
  }
}
