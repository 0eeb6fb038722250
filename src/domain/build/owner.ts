import { invalid } from '#base/errors.ts';

/**
 * `--chown=USER[:GROUP]`, names looked up in the image's files. Without a group it is that of the user in
 * passwd, or has the user's number, as in BuildKit.
 * @throws invalid `owner-unknown`
 */
export function resolveOwner(
  chown: string,
  files: { passwd: string; group: string },
): { uid: number; gid: number } {
  const colon = chown.indexOf(':');
  const user = colon < 0 ? chown : chown.slice(0, colon);
  const uid = idOf('uid', user, files.passwd);
  if (colon >= 0) return { uid, gid: idOf('gid', chown.slice(colon + 1), files.group) };
  const group = isNumber(user) ? user : (entryOf(user, files.passwd)?.[3] ?? '');
  return { uid, gid: isNumber(group) ? Number(group) : uid };
}

/** Whether a name has to be looked up at all. */
export function hasNames(chown: string): boolean {
  return !/^\d+(?::\d+)?$/.test(chown);
}

function idOf(kind: 'uid' | 'gid', name: string, file: string): number {
  if (isNumber(name)) return Number(name);
  const id = entryOf(name, file)?.[2] ?? '';
  if (name !== '' && isNumber(id)) return Number(id);
  const what = kind === 'uid' ? 'user' : 'group';
  throw invalid(
    'owner-unknown',
    `unable to convert uid/gid chown string to host mapping: can't find ${kind} for ${what} ${name}: no such ${what}: ${name}`,
    { hint: `name a ${what} of the image's /etc/${kind === 'uid' ? 'passwd' : 'group'}, or give a number` },
  );
}

/** The fields of a name in passwd or group. */
function entryOf(name: string, file: string): string[] | undefined {
  return file
    .split('\n')
    .map((line) => line.split(':'))
    .find(([found]) => found === name);
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
