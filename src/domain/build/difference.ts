import type { TarEntry } from '#domain/archive/tar-entry.ts';

/** A member of a layer, with a digest of its content. */
export interface DigestedEntry {
  entry: TarEntry;
  content: string;
}

/** Why two members of one name are not the same: `mode 644, then 600`. Empty: they are. */
export function differencesOf(one: DigestedEntry, other: DigestedEntry): string[] {
  const { entry: first } = one;
  const { entry: second } = other;
  const found: string[] = [];
  const compare = (what: string, before: string | number, after: string | number): void => {
    if (before !== after) found.push(`${what} ${before}, then ${after}`);
  };
  compare('kind', first.type, second.type);
  if (one.content !== other.content)
    found.push(
      first.size === second.size
        ? 'content differs'
        : `content differs: ${first.size} bytes, then ${second.size}`,
    );
  compare('link to', first.linkName, second.linkName);
  compare('mode', first.mode.toString(8), second.mode.toString(8));
  compare('owner', `${first.uid}:${first.gid}`, `${second.uid}:${second.gid}`);
  compare('device', `${first.major}:${first.minor}`, `${second.major}:${second.minor}`);
  compare('extended attributes', attributesOf(first), attributesOf(second));
  compare('mtime', timeOf(first), timeOf(second));
  return found;
}

function attributesOf({ xattrs }: TarEntry): string {
  return [...xattrs].map(([name, value]) => `${name}=${Array.from(value).join('.')}`).join(' ');
}

function timeOf({ mtime }: TarEntry): string {
  return new Date(mtime * 1000).toISOString();
}
