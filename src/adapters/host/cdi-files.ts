import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid, messageOf } from '#base/errors.ts';
import { namesIfThere } from '#adapters/files/if-there.ts';
import type { CdiFile } from '#domain/container/cdi.ts';

/** Where the CDI specification has vendors put their files; the later folder goes before. */
export const cdiFolders = ['/etc/cdi', '/var/run/cdi'];

/** All files of the folders, in their order. @throws invalid `cdi-spec-invalid` for one that is neither JSON nor YAML */
export async function readCdiFiles(folders: readonly string[]): Promise<CdiFile[]> {
  const files: CdiFile[] = [];
  for (const folder of folders)
    for (const name of (await namesIfThere(folder)).filter((each) => /\.(json|ya?ml)$/.test(each)).sort())
      files.push(await readCdiFile(join(folder, name)));
  return files;
}

async function readCdiFile(path: string): Promise<CdiFile> {
  const text = await readFile(path, 'utf8');
  const { parse } = await import('./yaml.ts');
  try {
    // JSON is YAML too.
    const value: unknown = parse(text);
    return { path, value };
  } catch (error) {
    throw invalid('cdi-spec-invalid', `could not read CDI devices: ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
