import type { GitRemote } from '#domain/build/git-remote.ts';

/** Git repositories elsewhere. */
export interface Git {
  /**
   * The files of one commit into an empty folder, submodules too. Gives the commit. Without `keepGitDir` there is no
   * `.git` in it.
   * @throws unavailable `git-missing`, `git-failed`
   */
  checkOut(
    remote: Pick<GitRemote, 'url' | 'ref'>,
    folder: string,
    options: { keepGitDir: boolean; signal: AbortSignal },
  ): Promise<string>;
}
