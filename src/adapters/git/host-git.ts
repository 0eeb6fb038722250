import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitRemote } from '#domain/build/git-remote.ts';
import type { Git } from '#ports/git.ts';
import { isKind, systemCode, unavailable } from '#base/errors.ts';

/** Of git's output; more is no message for people. */
const longestOutput = 1024 * 1024;

/** By the `git` of this machine. */
export class HostGit implements Git {
  async checkOut(
    { url, ref = 'HEAD' }: Pick<GitRemote, 'url' | 'ref'>,
    folder: string,
    { keepGitDir, signal }: { keepGitDir: boolean; signal: AbortSignal },
  ): Promise<string> {
    const git = async (...args: string[]): Promise<string> => {
      try {
        return await runGit(url, folder, args, signal);
      } finally {
        signal.throwIfAborted();
      }
    };
    await git('init', '--quiet');
    await git('remote', 'add', 'origin', url);
    const commit = await fetched(git, ref, signal);
    await git('checkout', '--quiet', '--detach', commit);
    await git('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1');
    if (!keepGitDir) await rm(join(folder, '.git'), { recursive: true });
    return commit;
  }
}

/** Fetches one commit, or all where the server gives no commit by its digest or no part of a history. */
async function fetched(
  git: (...args: string[]) => Promise<string>,
  ref: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    await git('fetch', '--quiet', '--depth=1', '--no-tags', 'origin', ref);
    return (await git('rev-parse', 'FETCH_HEAD^{commit}')).trim();
  } catch (error) {
    signal.throwIfAborted();
    if (isKind(error, 'unavailable') && error.code === 'git-missing') throw error;
    // The branch that the new repository is on may be one of them.
    const all = ['--tags', '--update-head-ok', 'origin', '+refs/heads/*:refs/heads/*', 'HEAD'];
    await git('fetch', '--quiet', ...all);
    const name = ref === 'HEAD' ? 'FETCH_HEAD' : ref;
    return (await git('rev-parse', '--verify', `${name}^{commit}`)).trim();
  }
}

function runGit(url: string, folder: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const environment = {
    PATH: process.env['PATH'],
    HOME: folder,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
  };
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: environment, signal, maxBuffer: longestOutput };
    execFile('git', [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(explained(url, error, stderr));
    });
  });
}

function explained(url: string, error: Error, stderr: string): Error {
  if (systemCode(error) === 'ENOENT')
    return unavailable(
      'git-missing',
      `fetching ${withoutPassword(url)} needs git, which this machine lacks`,
      {
        cause: error,
        hint: 'apt-get install git',
      },
    );
  const words = stderr.trim().split('\n').at(-1) ?? '';
  return unavailable('git-failed', `failed to fetch ${withoutPassword(url)}: ${withoutPassword(words)}`, {
    cause: error,
  });
}

function withoutPassword(text: string): string {
  return text.replace(/(\w+:\/\/)[^/@\s]*@/g, '$1');
}
