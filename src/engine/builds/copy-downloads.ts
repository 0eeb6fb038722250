import { newId } from '#base/ids.ts';
import { urlFileName } from '#domain/build/url-file-name.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import { failed, failedBy } from '#engine/builds/copy-sources.ts';
import type { CopyWork, Download } from '#engine/builds/copy-step.ts';
import type { BuildParts } from '#engine/builds/parts.ts';

interface Fetching {
  parts: Pick<BuildParts, 'trees' | 'git'>;
  folders: BuildFolders;
  signal: AbortSignal;
}

/**
 * Fetches what ADD takes from URLs and repositories.
 * @throws invalid `build-copy-failed`, such as for another content or commit than `--checksum` says; as urlFileName, Git.checkOut
 */
export async function fetchSources(work: CopyWork, fetching: Fetching): Promise<Download[]> {
  const found: Download[] = [];
  for (const url of work.urls) found.push(await download(work, url, fetching));
  for (const repository of work.repositories) found.push(await checkOut(work, repository, fetching));
  return found;
}

async function download(work: CopyWork, url: URL, { parts, folders, signal }: Fetching): Promise<Download> {
  const name = nameOf(work, url);
  if (name === '' && work.destination.endsWith('/'))
    throw failed(work, `cannot determine filename from url: ${url.href}`);
  const place = { root: await folders.create('urls'), path: newId() };
  const checksum = work.checksum === undefined ? {} : { checksum: work.checksum };
  await parts.trees.download(url, place, { ...checksum, signal }).catch((error: unknown) => {
    throw failedBy(work, error);
  });
  return { place, name, isFolder: false };
}

function nameOf(work: CopyWork, url: URL): string {
  try {
    return urlFileName(url);
  } catch (error) {
    throw failedBy(work, error);
  }
}

async function checkOut(
  work: CopyWork,
  { folder, ...remote }: CopyWork['repositories'][number],
  { parts, folders, signal }: Fetching,
): Promise<Download> {
  const root = await folders.create(`repository-${newId()}`);
  const commit = await parts.git.checkOut(remote, root, { keepGitDir: work.keepGitDir, signal });
  if (work.checksum !== undefined && !commit.startsWith(work.checksum))
    throw failed(work, `expected checksum to match ${work.checksum}, got ${commit}`);
  return { place: { root, path: folder }, name: '', isFolder: true };
}
