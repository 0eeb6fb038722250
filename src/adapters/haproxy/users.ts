import { readFile } from 'node:fs/promises';
import { messageOf } from '#base/errors.ts';
import type { Backend } from '#domain/ingress/table.ts';
import type { Users } from './backend-text.ts';

type Report = (problem: string, error: unknown) => void;

/** Who may enter which backend. A file that cannot be read lets nobody in. */
export async function readUsers(backends: readonly Backend[], report: Report): Promise<Users> {
  const users = new Map<string, string[]>();
  for (const { name, app, service, shape } of backends) {
    if (shape.users === undefined) continue;
    const { users: from } = shape;
    // What is still a secret could not be opened.
    const lines = 'lines' in from ? from.lines : 'secret' in from ? [] : undefined;
    users.set(name, lines ?? ('file' in from ? await linesOf(from.file, `${app}/${service}`, report) : []));
  }
  return users;
}

async function linesOf(file: string, service: string, report: Report): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n');
  } catch (error) {
    report(`nobody may enter ${service}: its users in '${file}' cannot be read: ${messageOf(error)}`, error);
    return [];
  }
}
