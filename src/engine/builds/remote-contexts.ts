import { parseGitRemote, type GitRemote } from '#domain/build/git-remote.ts';
import { cleanAbsolute } from '#domain/build/path.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import type { BuildParts } from '#engine/builds/parts.ts';
import type { Place } from '#ports/file-trees.ts';
import { invalid } from '#base/errors.ts';

type RemoteParts = Pick<BuildParts, 'trees' | 'git'>;

/**
 * The folder of a context elsewhere: a Git repository or a folder of it, an archive, or a Dockerfile alone.
 * @throws invalid `context-invalid`; as Git.checkOut, FileTrees.download
 */
export async function remoteRoot(
  parts: RemoteParts,
  folders: BuildFolders,
  name: string,
  { remote, keepGitDir = false }: { remote: string; keepGitDir?: boolean },
  signal: AbortSignal,
): Promise<string> {
  const git = parseGitRemote(remote);
  if (git !== undefined) return repositoryFolder(parts, folders, name, { ...git, keepGitDir }, signal);
  const url = URL.parse(remote);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw invalid(
      'context-invalid',
      `'${remote}' is no context: required is a Git repository or an archive`,
      {
        hint: 'such as https://HOST/PROJECT.git#BRANCH:FOLDER or https://HOST/CONTEXT.tar.gz',
      },
    );
  const { trees } = parts;
  const download: Place = { root: await folders.create(`${name}-download`), path: 'content' };
  await trees.download(url, download, { signal });
  const root = await folders.create(name);
  const place = { root, path: '/' };
  if (await trees.isArchive(download)) await trees.unpackFile(download, place, { signal });
  else await trees.copy(download, { root, path: 'Dockerfile' }, { signal, owner: { uid: 0, gid: 0 } });
  return root;
}

/** Checks a repository out and gives the folder that is wanted of it. @throws invalid `context-invalid` */
async function repositoryFolder(
  { trees, git }: RemoteParts,
  folders: BuildFolders,
  name: string,
  { folder, keepGitDir, ...remote }: GitRemote & { keepGitDir: boolean },
  signal: AbortSignal,
): Promise<string> {
  const root = await folders.create(`${name}-repository`);
  await git.checkOut(remote, root, { keepGitDir, signal });
  if (folder === '') return root;
  const wanted = { root, path: cleanAbsolute(folder) };
  if ((await trees.stat(wanted))?.kind !== 'directory')
    throw invalid('context-invalid', `the repository ${remote.url} has no folder '${folder}'`);
  // By its path a link of the repository could lead out of it.
  const copy = await folders.create(name);
  await trees.copy(wanted, { root: copy, path: '/' }, { signal });
  return copy;
}
