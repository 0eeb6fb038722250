import { invalid } from '#base/errors.ts';

// USER strings against the texts of the image's /etc/passwd and /etc/group, as moby and runc resolve them
// (moby/sys/user, GetExecUser): names win over numbers, and a number needs no entry.

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** Begins with the gid, as moby has it. */
  additionalGids: number[];
  /** Of the passwd entry; `/` without one. */
  home: string;
}

export interface UserFiles {
  passwd: string;
  group: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const highestId = 2 ** 31 - 1;

/**
 * @param spec `''`, `name`, `uid`, `name:group`, `uid:gid` ...
 * @param groupAdd names or numbers of HostConfig.GroupAdd
 * @throws invalid `user-missing`, `group-missing`, `user-id-out-of-range` with Docker's words
 */
export function resolveUser(spec: string, files: UserFiles, groupAdd: string[] = []): ResolvedUser {
  const [userPart = '', groupPart = ''] = splitOnce(spec);
  const groups = parseGroup(files.group);
  const entry = findUser(userPart, files.passwd);
  const uid = entry?.uid ?? numericId(userPart, 'user', 'passwd');
  const named = groupPart === '' ? undefined : findGroup(groupPart, groups);
  const memberships =
    groupPart === '' && entry !== undefined
      ? groups.filter((group) => group.members.includes(entry.name)).map((group) => group.gid)
      : [];
  const added = groupAdd.map((name) => findGroup(name, groups));
  const gid = named ?? entry?.gid ?? 0;
  return { uid, gid, additionalGids: unique([gid, ...memberships, ...added]), home: entry?.home || '/' };
}

function splitOnce(spec: string): string[] {
  const colon = spec.indexOf(':');
  return colon < 0 ? [spec] : [spec.slice(0, colon), spec.slice(colon + 1)];
}

function findUser(part: string, passwd: string): PasswdEntry | undefined {
  const entries = parsePasswd(passwd);
  if (part === '') return entries.find((entry) => entry.uid === 0) ?? { name: '', uid: 0, gid: 0, home: '/' };
  const byName = entries.find((entry) => entry.name === part);
  if (byName !== undefined || !isNumber(part)) return byName;
  return entries.find((entry) => entry.uid === Number(part));
}

function findGroup(part: string, groups: GroupEntry[]): number {
  const byName = groups.find((group) => group.name === part);
  return byName?.gid ?? numericId(part, 'group', 'group');
}

function numericId(part: string, what: 'user' | 'group', file: 'passwd' | 'group'): number {
  if (!isNumber(part))
    throw invalid(`${what}-missing`, `unable to find ${what} ${part}: no matching entries in ${file} file`, {
      hint: `Name a ${what} of the image's /etc/${file}, or give a number.`,
    });
  const id = Number(part);
  if (id < 0 || id > highestId)
    throw invalid('user-id-out-of-range', `uids and gids must be in range 0-${highestId}`);
  return id;
}

function isNumber(text: string): boolean {
  return /^-?\d+$/.test(text);
}

function parsePasswd(text: string): PasswdEntry[] {
  return lines(text).map(([name = '', , uid = '', gid = '', , home = '']) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
  }));
}

function parseGroup(text: string): GroupEntry[] {
  return lines(text).map(([name = '', , gid = '', members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter((member) => member !== ''),
  }));
}

function lines(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function unique(values: number[]): number[] {
  return [...new Set(values)];
}
