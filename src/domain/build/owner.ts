import { invalid } from '#base/errors.ts';

/**
 * `--chown=USER[:GROUP]`, names looked up in the image's files. Without a group, the group has the user's
 * name or number, as in Docker.
 * @throws invalid `owner-unknown`
 */
export function resolveOwner(
  chown: string,
  files: { passwd: string; group: string },
): { uid: number; gid: number } {
  const colon = chown.indexOf(':');
  const user = colon < 0 ? chown : chown.slice(0, colon);
  const group = colon < 0 ? chown : chown.slice(colon + 1);
  return { uid: idOf('uid', user, files.passwd), gid: idOf('gid', group, files.group) };
}

/** Whether a name has to be looked up at all. */
export function hasNames(chown: string): boolean {
  return !/^\d+(?::\d+)?$/.test(chown);
}

function idOf(kind: 'uid' | 'gid', name: string, file: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const entry = file
    .split('\n')
    .map((line) => line.split(':'))
    .find(([found]) => found === name);
  const id = entry?.[2] ?? '';
  if (name !== '' && /^\d+$/.test(id)) return Number(id);
  const what = kind === 'uid' ? 'user' : 'group';
  throw invalid(
    'owner-unknown',
    `unable to convert ${kind}/${kind === 'uid' ? 'user' : 'grp'} string to host mapping: can't find ${kind} for ${what} ${name}`,
    { hint: `name a ${what} of the image's /etc/${kind === 'uid' ? 'passwd' : 'group'}, or give a number` },
  );
}
