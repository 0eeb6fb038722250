import { invalid, unsupported } from '#base/errors.ts';

/** A Git repository in the words of `docker build`: `URL[#REF[:FOLDER]]`. */
export interface GitRemote {
  url: string;
  /** Branch, tag or commit; absent: what the repository's HEAD names. */
  ref?: string;
  /** Below the root of the repository; '' for the root. */
  folder: string;
}

/** Undefined for what names no repository, such as an archive at a URL. @throws invalid, unsupported */
export function parseGitRemote(remote: string): GitRemote | undefined {
  const hash = remote.indexOf('#');
  const before = hash < 0 ? remote : remote.slice(0, hash);
  const url = before.startsWith('github.com/') ? `https://${before}` : before;
  if (!isRepository(url)) return undefined;
  if (url.includes('?'))
    throw unsupported('git-remote-unsupported', `the query in '${remote}' is not offered`, {
      hint: 'name branch, tag or commit and folder after a #: URL#REF:FOLDER',
    });
  const [ref = '', folder = ''] = hash < 0 ? [] : remote.slice(hash + 1).split(/:(.*)/s);
  // It would be an option of git.
  if (ref.startsWith('-') || url.startsWith('-'))
    throw invalid('git-remote-invalid', `invalid Git remote '${remote}': a part begins with '-'`);
  return { url, folder, ...(ref !== '' && { ref }) };
}

function isRepository(url: string): boolean {
  return (
    /^(?:git|ssh):\/\//.test(url) ||
    /^[\w.-]+@[\w.-]+:/.test(url) ||
    /^https?:\/\/[^#?]*\.git(?:$|\?)/.test(url) ||
    /^https:\/\/github\.com\/[^/]+\/[^/]+\/?$/.test(url)
  );
}
