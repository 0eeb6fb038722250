import { compileGlob, isGlob } from '#domain/build/glob.ts';
import { ignoreRules } from '#domain/build/ignore.ts';
import { baseName, cleanAbsolute } from '#domain/build/path.ts';
import type { Heredoc } from '#domain/dockerfile/heredoc.ts';
import type { CopyRules, FileTrees, Place } from '#ports/file-trees.ts';
import { invalid } from '#base/errors.ts';

/** One thing to be copied, found and digested. */
export interface CopySource {
  kind: 'file' | 'directory' | 'archive';
  place: Place;
  /** The name that a file gets in a destination folder. */
  name: string;
  /** Of its content. */
  digest: string;
}

export interface Origin {
  /** Root of the context, or of another stage's or image's file system. */
  root: string;
  /** Undefined: everything is taken. */
  keeps?: (path: string) => boolean;
  /** Owners count in the digest where they are kept. */
  owners: boolean;
}

export interface Finding {
  /** The instruction, for messages: COPY or ADD. */
  instruction: string;
  exclude: string[];
  /** Archives are to be unpacked. */
  unpacks: boolean;
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
  const keeps = filterOf(origin, finding);
  const found: CopySource[] = [];
  for (const path of paths)
    for (const each of await expandPath(trees, origin, keeps, path, finding))
      found.push(await describe(trees, origin, keeps, each, finding));
  if (found.length === 0) throw failed(finding, 'no source files were specified');
  return found;
}

/** Whether a path of the origin is taken: by .dockerignore and `--exclude`. */
export function filterOf(origin: Origin, { exclude }: Pick<Finding, 'exclude'>): (path: string) => boolean {
  const excluded = ignoreRules(exclude);
  return (path) => origin.keeps?.(path) !== false && !excluded.ignores(path);
}

async function expandPath(
  trees: FileTrees,
  origin: Origin,
  keeps: (path: string) => boolean,
  path: string,
  finding: Finding,
): Promise<string[]> {
  if (leadsOut(path)) throw failed(finding, `forbidden path outside the build context: ${path} ()`);
  const clean = cleanAbsolute(path).slice(1);
  if (!isGlob(clean)) return [clean];
  const pattern = compileGlob(clean, { deep: false });
  return (await trees.list(origin.root)).filter((each) => pattern.test(each) && keeps(each));
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
  keeps: (path: string) => boolean,
  path: string,
  finding: Finding,
): Promise<CopySource> {
  const place: Place = { root: origin.root, path };
  const facts = path === '' || keeps(path) ? await trees.stat(place) : await keptFolder(trees, place, keeps);
  if (facts === undefined)
    throw failed(
      finding,
      `file not found in build context or excluded by .dockerignore: stat ${path}: file does not exist`,
    );
  const rules: Pick<CopyRules, 'keeps' | 'signal'> = { keeps, signal: finding.signal };
  const digest = await trees.digest(place, { ...rules, owners: origin.owners });
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
  keeps: (path: string) => boolean,
): Promise<{ kind: 'directory' } | undefined> {
  if ((await trees.stat(place))?.kind !== 'directory') return undefined;
  const inside = (await trees.list(place.root)).filter((path) => path.startsWith(`${place.path}/`));
  return inside.some(keeps) ? { kind: 'directory' } : undefined;
}

export function isHeredoc(source: string | Heredoc): source is Heredoc {
  return typeof source !== 'string';
}

export function failed(finding: Pick<Finding, 'instruction'>, reason: string): Error {
  return invalid('build-copy-failed', `${finding.instruction} failed: ${reason}`);
}
