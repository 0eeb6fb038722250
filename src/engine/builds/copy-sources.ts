import { compileGlob, isGlob } from '#domain/build/glob.ts';
import { ignoreRules } from '#domain/build/ignore.ts';
import { baseName, cleanAbsolute } from '#domain/build/path.ts';
import type { Heredoc } from '#domain/dockerfile/heredoc.ts';
import type { FileTrees, Filter, Place } from '#ports/file-trees.ts';
import { BerthError, invalid } from '#base/errors.ts';

/** One thing to be copied, found and digested. */
export interface CopySource {
  kind: 'file' | 'directory' | 'archive';
  place: Place;
  /** The name that a file gets in a destination folder. */
  name: string;
  /** For `--parents`: the folder, a path of the origin, below which the path of the source is kept. */
  within?: string;
  /** Of its content. */
  digest: string;
}

export interface Origin {
  /** Root of the context, or of another stage's or image's file system. */
  root: string;
  /** Undefined: everything is taken. */
  keeps?: (path: string) => boolean;
  /** No file of a folder that is left out is taken. */
  prunes: boolean;
  /** Owners count in the digest where they are kept. */
  owners: boolean;
  /** It is an image's file system. */
  isImage?: boolean;
}

export interface Finding {
  /** The instruction, for messages: COPY or ADD. */
  instruction: string;
  exclude: string[];
  /** Archives are to be unpacked. */
  unpacks: boolean;
  /** Sources keep their folders below the destination; from a `/./` on where one has that. */
  parents: boolean;
  signal: AbortSignal;
}

/**
 * What the paths of a COPY or ADD name, in order; wild cards as in Go's filepath.Match.
 * @throws invalid `build-copy-failed` with Docker's words
 */
export async function findSources(
  trees: FileTrees,
  origin: Origin,
  paths: string[],
  finding: Finding,
): Promise<CopySource[]> {
  const filter = filterOf(origin, finding);
  const { leavesOut } = filter;
  const found: CopySource[] = [];
  for (const path of paths)
    for (const each of await expandPath(trees, origin, path, finding)) {
      const source = await describe(trees, origin, filter, each, finding);
      if (source.kind !== 'directory' && leavesOut(each)) continue;
      found.push(
        finding.parents ? await kept(trees, origin, filter, source, pivotOf(path), finding) : source,
      );
    }
  // As in BuildKit: `COPY yarn.lock* ./` is for files that may be there.
  if (found.length === 0 && !paths.some(isGlob)) throw failed(finding, 'no source files were specified');
  return found;
}

/** How many parts of a path stand before its `/./`: those are not kept. */
function pivotOf(path: string): number {
  const [before = '', ...after] = path.replace(/^\/+/, '').split('/./');
  if (after.length === 0) return 0;
  return before.split('/').filter((part) => part !== '' && part !== '.').length;
}

/** A source of `--parents`. Its digest is that of the folders on the way to it, too. */
async function kept(
  trees: FileTrees,
  { root, owners, isImage = false }: Origin,
  filter: Required<Filter>,
  source: CopySource,
  pivot: number,
  { signal }: Finding,
): Promise<CopySource> {
  const { path } = source.place;
  const within = path.split('/').slice(0, pivot).join('/');
  const only = onlyPath(path, filter);
  const digest = await trees.digest({ root, path: within }, { ...only, owners, signal, lasts: !isImage });
  return { ...source, kind: source.kind === 'archive' ? 'file' : source.kind, within, digest };
}

/** Takes a path with what is below it as the filter says, the folders on the way to it, and nothing else. */
export function onlyPath(path: string, filter: Filter): Required<Filter> {
  const { keeps, prunes, leavesOut } = filter;
  return {
    leavesOut: leavesOut ?? (() => false),
    keeps: (each) =>
      path.startsWith(`${each}/`) ||
      ((each === path || path === '' || each.startsWith(`${path}/`)) && keeps?.(each) !== false),
    prunes: prunes === true,
  };
}

/** What of the origin is taken: by .dockerignore, and by `--exclude`, which counts from the folder that is copied. */
export function filterOf(origin: Origin, { exclude }: Pick<Finding, 'exclude'>): Required<Filter> {
  const excluded = ignoreRules(exclude);
  return {
    keeps: (path) => origin.keeps?.(path) !== false,
    leavesOut: (path) => excluded.ignores(path),
    prunes: origin.prunes && !excluded.hasExceptions,
  };
}

async function expandPath(
  trees: FileTrees,
  origin: Origin,
  path: string,
  finding: Finding,
): Promise<string[]> {
  if (/^https?:\/\//i.test(path)) throw failed(finding, "source can't be a URL for COPY");
  if (leadsOut(path)) throw failed(finding, `forbidden path outside the build context: ${path} ()`);
  const clean = cleanAbsolute(path).slice(1);
  if (!isGlob(clean)) return [clean];
  const pattern = compileGlob(clean, { deep: false });
  const all = await trees.list(origin.root, filterOf(origin, { exclude: [] }));
  return all.filter((each) => pattern.test(each));
}

function leadsOut(path: string): boolean {
  let depth = 0;
  for (const part of path.split('/').filter((each) => each !== '' && each !== '.')) {
    depth += part === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

async function describe(
  trees: FileTrees,
  origin: Origin,
  filter: Required<Filter>,
  path: string,
  finding: Finding,
): Promise<CopySource> {
  const place: Place = { root: origin.root, path };
  const facts =
    path === '' || filter.keeps(path) ? await trees.stat(place) : await keptFolder(trees, place, filter);
  if (facts === undefined)
    throw failed(
      finding,
      `${origin.isImage === true ? '' : 'file not found in build context or excluded by .dockerignore: '}stat ${path}: file does not exist`,
    );
  const { signal } = finding;
  const { owners, isImage = false } = origin;
  const digest = await trees.digest(place, { ...filter, signal, owners, lasts: !isImage });
  const isArchive = finding.unpacks && facts.kind === 'file' && (await trees.isArchive(place));
  return {
    kind: isArchive ? 'archive' : facts.kind === 'directory' ? 'directory' : 'file',
    place,
    name: baseName(path),
    digest,
  };
}

// A folder that .dockerignore leaves out may have files that it takes in again.
async function keptFolder(
  trees: FileTrees,
  place: Place,
  filter: Required<Filter>,
): Promise<{ kind: 'directory' } | undefined> {
  if ((await trees.stat(place))?.kind !== 'directory') return undefined;
  const taken = await trees.list(place.root, filter);
  return taken.some((path) => path.startsWith(`${place.path}/`)) ? { kind: 'directory' } : undefined;
}

export function isHeredoc(source: string | Heredoc): source is Heredoc {
  return typeof source !== 'string';
}

/** What failed with the instruction before it, as Docker tells it. */
export function failedBy({ instruction }: Pick<Finding, 'instruction'>, error: unknown): unknown {
  if (!(error instanceof BerthError)) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new BerthError(error.kind, error.code, `${instruction} failed: ${error.message}`, {
    cause: error,
    ...hint,
  });
}

export function failed(finding: Pick<Finding, 'instruction'>, reason: string): Error {
  return invalid('build-copy-failed', `${finding.instruction} failed: ${reason}`);
}
