import { invalid } from '#base/errors.ts';
import type { IdMapping } from '#domain/container/runtime-spec.ts';
import type { IdMappings } from '#domain/user-namespace/id-mappings.ts';

/** Texts of /etc/passwd, /etc/group, /etc/subuid and /etc/subgid; '' for a file that is not there. */
export interface IdFiles {
  passwd: string;
  group: string;
  subuid: string;
  subgid: string;
}

/** Whom Docker takes for `default`. */
const defaultUser = 'dockremap';

/**
 * The mappings that `userns-remap` asks for: the ranges of the user in subuid(5) and subgid(5), one after another.
 * @param setting `default` or `USER[:GROUP]`, each a name or a number
 * @throws invalid `userns-remap-invalid`
 */
export function remapOf(setting: string, files: IdFiles): IdMappings {
  const [asked = '', group] = setting.split(':');
  const user = asked === 'default' ? defaultUser : asked;
  const [name, id] = namesOf(user, files.passwd);
  if (name === 'root' || id === '0')
    throw wrong(setting, 'root cannot be remapped to itself', 'name an ordinary user');
  if (group !== undefined && namesOf(group, files.group)[1] === undefined)
    throw wrong(setting, `the group '${group}' is not in /etc/group`, 'name a group that exists');
  return {
    uids: rangesOf(setting, [name, id], '/etc/subuid', files.subuid),
    gids: rangesOf(setting, [name, id], '/etc/subgid', files.subgid),
  };
}

/** Name and id of a user or group that is given as either; undefined where there is none. */
function namesOf(given: string, file: string): [name: string | undefined, id: string | undefined] {
  for (const line of file.split('\n')) {
    const [name, , id] = line.split(':');
    if (name !== '' && (name === given || id === given)) return [name, id];
  }
  return /^\d+$/.test(given) ? [undefined, given] : [given, undefined];
}

function rangesOf(setting: string, who: (string | undefined)[], path: string, text: string): IdMapping[] {
  const mappings: IdMapping[] = [];
  let containerID = 0;
  for (const line of text.split('\n')) {
    const [owner = '', first = '', count = ''] = line.trim().split(':');
    if (owner === '' || !who.includes(owner)) continue;
    const [hostID, size] = [Number(first), Number(count)];
    const valid = /^\d+$/.test(first) && /^\d+$/.test(count) && hostID > 0 && size > 0;
    if (!valid)
      throw wrong(setting, `${path} has the line '${line}'`, 'required is USER:FIRST:COUNT, none of them 0');
    mappings.push({ containerID, hostID, size });
    containerID += size;
  }
  if (mappings.length > 0) return mappings;
  const user = who.find((name) => name !== undefined) ?? '';
  throw wrong(setting, `${path} has no range for '${user}'`, `add a line such as ${user}:100000:65536`);
}

function wrong(setting: string, found: string, hint: string): Error {
  return invalid('userns-remap-invalid', `userns-remap = "${setting}": ${found}`, { hint });
}
