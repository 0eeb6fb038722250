import type { BuildContextSource, BuildRequest } from '#engine/contracts.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import { ignoreRules, parseIgnore, type IgnoreRules } from '#domain/build/ignore.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import { remoteRoot } from '#engine/builds/remote-contexts.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import { BerthError, invalid, notFound } from '#base/errors.ts';

/** Files that a build may COPY. */
export interface ContextFiles {
  root: string;
  /** Whether a path (relative) is in the context for COPY and ADD. */
  keeps: (path: string) => boolean;
  /** No file of a folder that is left out is in it. */
  prunes: boolean;
  /** Nothing is left out. */
  isWhole: boolean;
  ignore: IgnoreRules;
}

/** What contexts are fetched with. */
export type ContextParts = Pick<BuildParts, 'trees' | 'git'>;

/** The main context, with its Dockerfile. */
export interface BuildContext {
  dockerfile: { name: string; text: string };
  ignore: IgnoreRules;
  /** Fetches what is not there yet: of a client's files those at the paths (as `contextPaths` gives them), or all. */
  files(paths?: readonly string[]): Promise<ContextFiles>;
}

/**
 * Unpacks the context into a folder of the build, or takes the folder as it is. What a client would send is not asked for
 * before a step needs it, where the Dockerfile is known.
 * @throws invalid `dockerfile-missing`, `context-invalid`
 */
export async function openContext(
  parts: ContextParts,
  folders: BuildFolders,
  request: BuildRequest,
): Promise<BuildContext> {
  const { context, dockerfileText } = request;
  if ('fill' in context && dockerfileText !== undefined)
    return clientContext(parts, folders, request, dockerfileText);
  const { trees } = parts;
  const root = await contextRoot(parts, folders, 'context', mainContext(request), request.signal);
  if (!('folder' in context)) folders.received.set('', root);
  const dockerfile = await readDockerfile(trees, root, request);
  const all = contextFiles(root, request.ignoreText ?? (await readIgnore(trees, root, dockerfile.name)));
  const files = 'tar' in context ? { ...all, ...sent(all, dockerfile.name) } : all;
  return { dockerfile, ignore: files.ignore, files: () => Promise.resolve(files) };
}

/** An archive has what its sender chose: Docker leaves out of it only what the builder itself needed of it. */
function sent(
  { ignore }: ContextFiles,
  dockerfile: string,
): Pick<ContextFiles, 'keeps' | 'prunes' | 'isWhole'> {
  const gone = [dockerfile, '.dockerignore'].filter((path) => ignore.ignores(path));
  return { keeps: (path) => !gone.includes(path), prunes: true, isWhole: gone.length === 0 };
}

async function clientContext(
  parts: ContextParts,
  folders: BuildFolders,
  { context, dockerfile: name = 'Dockerfile', ignoreText, signal }: BuildRequest,
  text: string,
): Promise<BuildContext> {
  const { ignore } = contextFiles('', ignoreText);
  // Empty unless a step takes something.
  folders.received.set('', await folders.create('context'));
  const files = fetching(async (folder, paths) => {
    const root = await contextRoot(parts, folders, folder, context, signal, paths);
    folders.received.set('', root);
    // What is left out is not sent.
    return { ...contextFiles(root, ignoreText), isWhole: true };
  });
  return { dockerfile: { name, text }, ignore, files: (paths) => files('context', paths) };
}

/** Files at paths are fetched once, and all of them once more where a step turns out to take others. */
export function fetching(
  fetch: (folder: string, paths: readonly string[] | undefined) => Promise<ContextFiles>,
): (folder: string, paths: readonly string[] | undefined) => Promise<ContextFiles> {
  let some: Promise<ContextFiles> | undefined;
  let all: Promise<ContextFiles> | undefined;
  return (folder, paths) => {
    if (all !== undefined) return all;
    if (paths !== undefined) return (some ??= fetch(folder, paths));
    return (all = fetch(some === undefined ? folder : `${folder}-whole`, undefined));
  };
}

/** Of a repository only the files, unless the client says otherwise. */
function mainContext({ context, buildArgs }: BuildRequest): BuildContextSource {
  const keepGitDir = ['1', 'true'].includes(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR'] ?? '');
  return 'remote' in context ? { ...context, keepGitDir } : context;
}

/** The files of a folder that the text of a .dockerignore leaves in. @throws invalid `pattern-invalid` */
export function contextFiles(root: string, ignoreText: string | undefined): ContextFiles {
  const ignore = ignoreText === undefined ? ignoreRules([]) : parseIgnore(ignoreText);
  const keeps = (path: string): boolean => !ignore.ignores(path);
  return { root, keeps, prunes: !ignore.hasExceptions, isWhole: ignoreText === undefined, ignore };
}

/** The folder of a context's files, of a client's perhaps only those at the paths; `name` is that of the build's folder where it needs one. @throws invalid `context-invalid` */
export async function contextRoot(
  parts: ContextParts,
  folders: BuildFolders,
  name: string,
  source: BuildContextSource,
  signal: AbortSignal,
  paths?: readonly string[],
): Promise<string> {
  if ('folder' in source) return existing(parts.trees, source.folder);
  if ('remote' in source) return remoteRoot(parts, folders, name, source, signal);
  const { trees } = parts;
  const root = await folders.create(name);
  try {
    if ('fill' in source) await source.fill(root, signal, paths);
    else await trees.receive(source.tar, root, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BerthError)) throw error;
    throw invalid('context-invalid', `reading the build context: ${error.message}`, { cause: error });
  }
  return root;
}

/** @throws not-found `context-missing`; invalid `context-invalid` in Docker's words */
async function existing(trees: FileTrees, folder: string): Promise<string> {
  const facts = await trees.stat({ root: folder, path: '' });
  if (facts === undefined)
    throw notFound('context-missing', `unable to prepare context: path "${folder}" not found`);
  if (facts.kind !== 'directory')
    throw invalid('context-invalid', `unable to prepare context: context must be a directory: ${folder}`);
  return folder;
}

async function readDockerfile(
  trees: FileTrees,
  root: string,
  { dockerfile, dockerfileText }: BuildRequest,
): Promise<{ name: string; text: string }> {
  if (dockerfileText !== undefined) return { name: dockerfile ?? 'Dockerfile', text: dockerfileText };
  // Docker takes `dockerfile` too when no name was given.
  const names = dockerfile === undefined || dockerfile === '' ? ['Dockerfile', 'dockerfile'] : [dockerfile];
  for (const name of names) {
    const text = await trees.readText({ root, path: name });
    if (text !== undefined) return { name, text };
  }
  throw invalid('dockerfile-missing', `Cannot locate specified Dockerfile: ${names[0] ?? ''}`, {
    hint: 'name it by -f, as a path inside the context',
  });
}

// `NAME.dockerignore` beside the Dockerfile goes before the context's own.
async function readIgnore(trees: FileTrees, root: string, dockerfile: string): Promise<string | undefined> {
  for (const path of [`${dockerfile}.dockerignore`, '.dockerignore']) {
    const text = await trees.readText({ root, path });
    if (text !== undefined) return text;
  }
  return undefined;
}
