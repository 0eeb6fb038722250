import { createHash } from 'node:crypto';
import { applyModeChange, parseModeChange, type ModeChange } from '#domain/build/mode.ts';
import { hasNames, resolveOwner } from '#domain/build/owner.ts';
import { parseGitRemote, type GitRemote } from '#domain/build/git-remote.ts';
import { namesFolder, resolveFrom } from '#domain/build/path.ts';
import type { Expander } from '#domain/build/state.ts';
import type { Named } from '#domain/dockerfile/instruction.ts';
import {
  failed,
  filterOf,
  onlyPath,
  findSources,
  isHeredoc,
  type CopySource,
  type Origin,
} from '#engine/builds/copy-sources.ts';
import type { CopyRules, FileTrees, Owner, Place, WritablePlace } from '#ports/file-trees.ts';
import { BerthError, invalid } from '#base/errors.ts';

/** A COPY or ADD with its variables expanded. */
export interface CopyWork {
  instruction: 'COPY' | 'ADD';
  paths: string[];
  urls: URL[];
  /** Git repositories: their files are copied. */
  repositories: GitRemote[];
  keepGitDir: boolean;
  texts: { name: string; content: string }[];
  /** Absolute, with its slash at the end if it had one. */
  destination: string;
  /** As it was written. */
  shownDestination: string;
  from?: string;
  chown?: string;
  mode?: ModeChange;
  exclude: string[];
  checksum?: string;
  /** The layer does not depend on what is below. */
  link: boolean;
  /** Sources keep their folders below the destination. */
  parents: boolean;
  /** Undefined: archives of the context are unpacked by ADD, those of URLs are not. */
  unpack?: boolean;
}

/** Sources that were found, and a digest of everything that the result depends on. */
export interface PreparedCopy {
  work: CopyWork;
  origin: Origin;
  sources: CopySource[];
  digest: string;
}

/** @throws invalid `dockerfile-invalid`, `mode-invalid` */
export function expandCopy(copy: Named<'COPY' | 'ADD'>, expand: Expander, workdir: string): CopyWork {
  const paths = copy.sources.flatMap((source) => (isHeredoc(source) ? [] : [expand.one(source)]));
  const repositories = copy.name === 'ADD' ? paths.flatMap((path) => parseGitRemote(path) ?? []) : [];
  const isRepository = (path: string): boolean => copy.name === 'ADD' && parseGitRemote(path) !== undefined;
  const isUrl = (path: string): boolean =>
    copy.name === 'ADD' && /^https?:\/\//.test(path) && !isRepository(path);
  const destination = expand.one(copy.destination);
  const texts = copy.sources.filter(isHeredoc).map(({ name, content, expand: expands }) => ({
    name,
    content: expands ? expandText(content, expand) : content,
  }));
  return {
    instruction: copy.name,
    paths: paths.filter((path) => !isUrl(path) && !isRepository(path)),
    repositories,
    keepGitDir: copy.keepGitDir === true,
    urls: paths.filter(isUrl).map((path) => new URL(path)),
    texts,
    destination:
      resolveFrom(workdir === '' ? '/' : workdir, destination) + (namesFolder(destination) ? '/' : ''),
    shownDestination: destination,
    exclude: copy.exclude.map((pattern) => expand.one(pattern)),
    link: copy.link,
    parents: copy.parents,
    ...(copy.unpack === undefined ? {} : { unpack: copy.unpack }),
    ...(copy.from === undefined ? {} : { from: copy.from }),
    ...(copy.chown === undefined ? {} : { chown: expand.one(copy.chown) }),
    ...(copy.chmod === undefined ? {} : { mode: parseModeChange(expand.one(copy.chmod)) }),
    ...(copy.checksum === undefined ? {} : { checksum: expand.one(copy.checksum) }),
  };
}

// Variables only: quotes stay as they are in a file's text.
function expandText(content: string, expand: Expander): string {
  return content.replaceAll(/\\\$|\$(?:\{[^}]*\}|[A-Za-z_]\w*)/g, (match) =>
    match === '\\$' ? '$' : expand.one(match),
  );
}

/** What came from elsewhere: a file, or the files of a repository. */
export interface Download {
  place: Place;
  name: string;
  isFolder: boolean;
}

/** The .dockerignore of the context says nothing of what comes from elsewhere. */
const fetched: Origin = { root: '', prunes: true, owners: false };

/** Looks up and digests what is to be copied. @throws invalid `build-copy-failed` */
export async function prepareCopy(
  trees: FileTrees,
  work: CopyWork,
  origin: Origin,
  downloads: Download[],
  signal: AbortSignal,
): Promise<PreparedCopy> {
  const finding = {
    instruction: work.instruction,
    exclude: work.exclude,
    unpacks: work.unpack ?? work.instruction === 'ADD',
    parents: work.parents,
    signal,
  };
  const sources = work.paths.length === 0 ? [] : await findSources(trees, origin, work.paths, finding);
  for (const { place, name, isFolder } of downloads) {
    if (isFolder) {
      const kept = filterOf(fetched, work);
      const digest = await trees.digest(place, { ...kept, owners: false, signal });
      sources.push({ kind: 'directory', place, name, digest });
      continue;
    }
    const isArchive = work.unpack === true && (await trees.isArchive(place));
    const digest = await trees.digest(place, { owners: false, signal });
    sources.push({ kind: isArchive ? 'archive' : 'file', place, name, digest });
  }
  const count = sources.length + work.texts.length;
  if (count > 1 && !work.parents && !work.destination.endsWith('/'))
    throw invalid(
      'build-copy-failed',
      `When using ${work.instruction} with more than one source file, the destination must be a directory and end with a /`,
    );
  const parts = [...sources.map(({ kind, name, digest }) => [kind, name, digest]), work.texts];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return { work, origin, sources, digest };
}

/** What the history says: `COPY file:DIGEST in /dst `. */
export function copyComment({ work, sources, digest }: PreparedCopy): string {
  const [only] = sources;
  const single = sources.length + work.texts.length === 1 ? (only ?? { kind: 'file', digest }) : undefined;
  const kind = single === undefined ? 'multi' : single.kind === 'directory' ? 'dir' : 'file';
  const chown = work.chown === undefined ? '' : `--chown=${work.chown} `;
  return `${work.instruction} ${chown}${kind}:${single?.digest ?? digest} in ${work.shownDestination} `;
}

/** Puts the files into the root. @throws invalid `build-copy-failed`, `owner-unknown` */
export async function performCopy(
  trees: FileTrees,
  { work, origin, sources }: PreparedCopy,
  { root, upper }: Pick<WritablePlace, 'root' | 'upper'>,
  signal: AbortSignal,
): Promise<void> {
  const owner = await ownerOf(trees, work, root);
  const rules: CopyRules = {
    ...filterOf(origin, work),
    signal,
    ...(work.mode === undefined ? {} : { mode: work.mode }),
    ...folderMode(work),
    // From another stage or image, files keep their owners unless --chown says otherwise.
    ...(origin.owners && work.chown === undefined ? {} : { owner }),
  };
  const target = { root, path: work.destination, ...(upper !== undefined && { upper }) };
  const intoFolder = work.destination.endsWith('/') || (await trees.stat(target))?.kind === 'directory';
  try {
    for (const source of sources) {
      const isOwn = source.place.root === origin.root;
      const taken = isOwn ? rules : { ...rules, ...filterOf(fetched, work) };
      await place(trees, source, target, intoFolder, taken, owner, work);
    }
    for (const { name, content } of work.texts)
      await trees.writeFile(inside(target, name, intoFolder), content, {
        ...{ owner, mode: textMode(work) },
        ...folderMode(work),
      });
  } catch (error) {
    if (error instanceof BerthError && error.kind === 'invalid')
      throw failed(work, error.message.replaceAll(root, ''));
    throw error;
  }
}

/** As BuildKit: folders that are made on the way get the number of `--chmod`, without set-id and sticky bits. */
function folderMode({ mode }: CopyWork): Pick<CopyRules, 'folderMode'> {
  return mode?.kind === 'absolute' ? { folderMode: mode.mode & 0o777 } : {};
}

function textMode({ mode }: CopyWork): number {
  return mode === undefined ? 0o644 : applyModeChange(mode, 0o644, false);
}

async function place(
  trees: FileTrees,
  source: CopySource,
  target: WritablePlace,
  intoFolder: boolean,
  rules: CopyRules,
  owner: Owner,
  work: CopyWork,
): Promise<void> {
  if (source.kind === 'archive') {
    const archiveRules =
      work.chown === undefined ? { signal: rules.signal } : { owner, signal: rules.signal };
    await trees.unpackFile(source.place, target, definedOnly(archiveRules));
  } else if (source.within !== undefined) {
    // The folders on the way are made as they are in the source.
    const from = { ...source.place, path: source.within };
    await trees.copy(from, target, { ...rules, ...onlyPath(source.place.path, rules) });
  } else if (source.kind === 'directory') await trees.copy(source.place, target, rules);
  else await trees.copy(source.place, inside(target, source.name, intoFolder), rules);
}

function definedOnly(rules: {
  owner?: Owner;
  signal: AbortSignal | undefined;
}): Pick<CopyRules, 'owner' | 'signal'> {
  const { owner, signal } = rules;
  return { ...(owner === undefined ? {} : { owner }), ...(signal === undefined ? {} : { signal }) };
}

function inside(target: WritablePlace, name: string, intoFolder: boolean): WritablePlace {
  return intoFolder ? { ...target, path: `${target.path}/${name}` } : target;
}

/** What `--chown` says, or root; names as in the files of `root`. @throws invalid `owner-unknown` */
export async function ownerOf(
  trees: FileTrees,
  { chown }: Pick<CopyWork, 'chown'>,
  root: string,
): Promise<Owner> {
  if (chown === undefined) return { uid: 0, gid: 0 };
  if (!hasNames(chown)) return resolveOwner(chown, { passwd: '', group: '' });
  const [passwd, group] = await Promise.all([
    trees.readText({ root, path: '/etc/passwd' }),
    trees.readText({ root, path: '/etc/group' }),
  ]);
  return resolveOwner(chown, { passwd: passwd ?? '', group: group ?? '' });
}
