import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '#cli/context.ts';
import { ensureDaemon } from '#cli/daemon-start.ts';
import { AppApi, interruption } from './app-api.ts';
import { findProject } from './project.ts';
import { up, type UpOptions } from './up.ts';
import { watchApp } from './watch-app.ts';

export interface WatchOptions extends Omit<UpOptions, 'watch'> {
  /** `--no-up` makes it false. */
  up: boolean;
}

/** `berth watch`: brings the app up and follows its files until Ctrl-C. */
export async function watch(context: Context, words: string[], options: WatchOptions): Promise<void> {
  const { folder, services } = await readWords(words, options.file);
  const { up: isFirstUp, ...rest } = options;
  const project = await findProject(folder, options.file, process.cwd(), context.program.environment);
  if (isFirstUp) await up(context, folder, rest);
  const api = new AppApi(await ensureDaemon(context));
  const name = options.projectName ?? (await api.meant(folder ?? project.folder)).name;
  await watchApp(context, api, name, { services, timeout: options.timeout, signal: interruption() });
}

/**
 * The first word is a folder when it is written as a path (it has a slash, or is a dot), or when the present folder
 * has no compose file; all others are services.
 */
export async function readWords(
  words: string[],
  files: readonly string[],
  cwd = process.cwd(),
): Promise<{ folder: string | undefined; services: string[] }> {
  const [first, ...others] = words;
  if (first === undefined) return { folder: undefined, services: [] };
  const isPath = first === '.' || first === '..' || first.includes('/');
  if (isPath || (files.length === 0 && !(await hasProject(cwd)) && (await isThere(resolve(cwd, first)))))
    return { folder: first, services: others };
  return { folder: undefined, services: words };
}

async function hasProject(folder: string): Promise<boolean> {
  try {
    await findProject(undefined, [], folder);
    return true;
  } catch {
    return false;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
