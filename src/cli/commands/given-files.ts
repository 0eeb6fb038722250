import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { invalid, reasonOf } from '#base/errors.ts';

/** The first line of a file (`-`: standard input): files that editors write end with a newline. @throws invalid `file-unreadable` */
export async function firstLine(path: string): Promise<string> {
  const text = path === '-' ? await buffer(process.stdin) : await fileContent(path);
  return text.toString().split('\n', 1).join('');
}

/** @throws invalid `file-unreadable` */
export async function fileContent(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalid('file-unreadable', `'${path}' cannot be read: ${reasonOf(error)}`);
  }
}
