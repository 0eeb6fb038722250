import type { BuildRequest } from '#engine/contracts.ts';
import type { FileTrees } from '#ports/file-trees.ts';
import { ignoreRules, parseIgnore } from '#domain/build/ignore.ts';
import { BerthError, invalid, unsupported } from '#base/errors.ts';

/** The files that a build may COPY, and its Dockerfile. */
export interface BuildContext {
  root: string;
  dockerfile: { name: string; text: string };
  /** Whether a path (relative) is in the context for COPY and ADD. */
  keeps: (path: string) => boolean;
  /** No file of a folder that is left out is in it. */
  prunes: boolean;
  /** Nothing is left out. */
  isWhole: boolean;
}

/**
 * Unpacks the context into the build's own folder, or takes the folder as it is.
 * @throws invalid `dockerfile-missing`, `context-invalid`
 */
export async function openContext(
  trees: FileTrees,
  id: string,
  request: BuildRequest,
): Promise<BuildContext> {
  const root = await contextRoot(trees, id, request);
  const dockerfile = await readDockerfile(trees, root, request);
  const ignore = request.ignoreText ?? (await readIgnore(trees, root, dockerfile.name));
  const rules = ignore === undefined ? ignoreRules([]) : parseIgnore(ignore);
  const keeps = (path: string): boolean => !rules.ignores(path);
  return { root, dockerfile, keeps, prunes: !rules.hasExceptions, isWhole: ignore === undefined };
}

async function contextRoot(trees: FileTrees, id: string, { context, signal }: BuildRequest): Promise<string> {
  if ('folder' in context) return context.folder;
  if ('remote' in context)
    throw unsupported('build-remote-unsupported', `building from '${context.remote}' is not offered`);
  const root = await trees.createFolder(id);
  try {
    if ('fill' in context) await context.fill(root, signal);
    else await trees.unpack(context.tar, { root, path: '/' }, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BerthError)) throw error;
    throw invalid('context-invalid', `reading the build context: ${error.message}`, { cause: error });
  }
  return root;
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
