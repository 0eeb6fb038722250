import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { notFound, systemCode } from '#base/errors.ts';
import type { ProjectBody } from '#api/types/apps.ts';
import type { AppApi } from './app-api.ts';

const names = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];

type Environment = Readonly<Record<string, string | undefined>>;

/** What a command line says about a project. */
export interface ProjectOptions {
  file: readonly string[];
  envFile?: readonly string[];
  profile?: readonly string[];
  projectName?: string;
  strict?: true;
  build?: true;
}

/** What the daemon needs of a project; of the environment only the variables that its files ask for. */
export async function projectBody(
  api: Pick<AppApi, 'variables'>,
  target: string | undefined,
  options: ProjectOptions,
  environment: Environment,
): Promise<ProjectBody> {
  const { folder, files } = await findProject(target, options.file, process.cwd(), environment);
  const named = options.envFile ?? listed(environment['COMPOSE_ENV_FILES'], ',');
  const body: ProjectBody = {
    folder,
    files,
    environment: {},
    strict: options.strict ?? false,
    rebuild: options.build ?? false,
    ...(named.length === 0 ? {} : { envFiles: named.map((file) => resolve(file)) }),
    ...(options.projectName === undefined ? {} : { appName: options.projectName }),
  };
  const profiles = [...listed(environment['COMPOSE_PROFILES'], ','), ...(options.profile ?? [])];
  const caller =
    profiles.length === 0 ? environment : { ...environment, COMPOSE_PROFILES: profiles.join(',') };
  return { ...body, environment: await asked(api, body, caller) };
}

/** Compose reads these without being told by a file; the last one is for `build.ssh`. */
const always = ['COMPOSE_PROJECT_NAME', 'COMPOSE_PROFILES', 'HOME', 'SSH_AUTH_SOCK'];

/** A variable may name further files, which ask for further variables: until nothing new is asked for. */
async function asked(
  api: Pick<AppApi, 'variables'>,
  body: ProjectBody,
  environment: Environment,
): Promise<Record<string, string>> {
  const known: Record<string, string> = {};
  let wanted = always;
  for (;;) {
    const found = wanted.filter((name) => environment[name] !== undefined && known[name] === undefined);
    for (const name of found) known[name] = environment[name] ?? '';
    if (found.length === 0 && wanted !== always) return known;
    wanted = (await api.variables({ ...body, environment: known })).variables;
  }
}

function listed(text: string | undefined, separator: string): string[] {
  return (text ?? '').split(separator).flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
}

/**
 * The folder and the files that a command line names: a folder, a file, -f, or the present folder, where the
 * variable COMPOSE_FILE (of the caller or of `.env`) may name files.
 */
export async function findProject(
  target: string | undefined,
  files: readonly string[],
  cwd: string,
  environment: Environment = {},
): Promise<{ folder: string; files: string[] }> {
  const path = resolve(cwd, target ?? '.');
  const kind = await kindOf(path);
  if (kind === undefined)
    throw notFound('compose-missing', `there is no folder and no compose file '${path}'`);
  if (files.length > 0) {
    // As Docker Compose does: the first file says where relative paths begin, unless a folder is named.
    const absolute = files.map((file) => resolve(cwd, file));
    return { folder: target === undefined ? dirname(absolute[0] ?? path) : path, files: absolute };
  }
  if (kind === 'file') return { folder: dirname(path), files: [basename(path)] };
  const byVariable = await variableFiles(path, environment);
  return { folder: path, files: byVariable.length > 0 ? byVariable : await defaultFiles(path) };
}

async function variableFiles(folder: string, environment: Environment): Promise<string[]> {
  const dotenv = await textOf(join(folder, '.env'));
  const value = (name: string): string | undefined =>
    environment[name] ?? new RegExp(`^(?:export )?${name}=["']?([^"'\\n]*)`, 'm').exec(dotenv)?.[1];
  return listed(value('COMPOSE_FILE'), value('COMPOSE_PATH_SEPARATOR') ?? ':');
}

async function defaultFiles(folder: string): Promise<string[]> {
  for (const name of names) {
    if ((await kindOf(join(folder, name))) !== 'file') continue;
    const override = name.replace('compose', 'compose.override');
    return (await kindOf(join(folder, override))) === 'file' ? [name, override] : [name];
  }
  throw notFound(
    'compose-missing',
    `there is no compose file in '${folder}': looked for ${names.join(', ')}`,
    {
      hint: 'name the folder or the file: berth up DIR, berth up FILE, berth up -f FILE',
    },
  );
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** '' for what cannot be read: the daemon says so with the right words. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
