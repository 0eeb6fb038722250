import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { notFound, systemCode } from '#base/errors.ts';
import type { ProjectBody } from '#api/types/apps.ts';

const names = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];

/** The folder and the files that a command line names: a folder, a file, -f, or the present folder. */
export async function findProject(
  target: string | undefined,
  files: readonly string[],
  cwd: string,
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
  return { folder: path, files: await defaultFiles(path) };
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

/** What the daemon needs of a project; of the environment only the variables that its files mention. */
export async function projectBody(
  target: string | undefined,
  options: { file: readonly string[]; strict?: true; build?: true },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ProjectBody> {
  const { folder, files } = await findProject(target, options.file, process.cwd());
  return {
    folder,
    files,
    environment: await mentioned(folder, files, environment),
    strict: options.strict ?? false,
    rebuild: options.build ?? false,
  };
}

/** Compose reads these without being told. */
const always = ['COMPOSE_PROJECT_NAME', 'COMPOSE_PROFILES', 'HOME'];

async function mentioned(
  folder: string,
  files: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const texts = await Promise.all([...files, '.env'].map((file) => textOf(resolve(folder, file))));
  const words = new Set(texts.flatMap((text) => text.match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? []));
  const wanted = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && (words.has(name) || always.includes(name)) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(wanted);
}

/** '' for what cannot be read: the daemon says so with the right words. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
