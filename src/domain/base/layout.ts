import type { BaseContents } from './contents.ts';
import type { Account, Extra } from './recipes/recipe.ts';

// What base-passwd, base-files, mawk and debianutils do in their maintainer scripts, as data.

/** Debian's static accounts (base-passwd) that files in packages may belong to. */
const systemUsers: Account[] = [
  { name: 'root', uid: 0, gid: 0, home: '/root' },
  { name: 'www-data', uid: 33, gid: 33, home: '/var/www' },
  { name: 'nobody', uid: 65534, gid: 65534, home: '/nonexistent' },
];

const systemGroups: Record<string, number> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  adm: 4,
  tty: 5,
  disk: 6,
  mail: 8,
  kmem: 15,
  'www-data': 33,
  shadow: 42,
  utmp: 43,
  staff: 50,
  users: 100,
  nogroup: 65534,
};

function usersFile(accounts: Account[]): string {
  const line = ({ name, uid, gid, home }: Account): string => {
    const shell = name === 'nobody' ? '/usr/sbin/nologin' : '/bin/sh';
    return `${name}:x:${uid}:${gid}:${name}:${home}:${shell}\n`;
  };
  return accounts.map(line).join('');
}

function groupsFile(accounts: Account[]): string {
  const groups = new Map(Object.entries(systemGroups));
  for (const { name, gid } of accounts) if (name !== 'nobody') groups.set(name, gid);
  return [...groups].map(([name, gid]) => `${name}:x:${gid}:\n`).join('');
}

const homeOf = (owner: Account): Extra => ({ path: owner.home, kind: 'directory', owner });

const nsswitch = `passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
`;

const file = (path: string, content: string): Extra => ({ path, kind: 'file', content });
const directory = (path: string): Extra => ({ path, kind: 'directory' });
const link = (path: string, to: string): Extra => ({ path, kind: 'link', to });

/** Names that Debian's alternatives system would have made: made only where the target is there. */
export const alternatives: { path: string; to: string }[] = [
  { path: '/usr/bin/awk', to: 'mawk' },
  { path: '/usr/bin/nawk', to: 'mawk' },
  { path: '/usr/bin/which', to: 'which.debianutils' },
  { path: '/usr/bin/nc', to: 'nc.openbsd' },
  { path: '/usr/bin/nc', to: 'nc.traditional' },
];

/** Made before the packages are unpacked: with these links they unpack into /usr (the merged-usr layout). */
export const mergedUsr = ['bin', 'sbin', 'lib', 'lib64'] as const;

/**
 * What to make in the root file system after its packages are unpacked, in this order.
 * @param status text of the dpkg status file
 */
export function layout(
  { accounts, extras }: Pick<BaseContents, 'accounts' | 'extras'>,
  status: string,
): Extra[] {
  const users = [...systemUsers, ...accounts.filter(({ name }) => name !== 'www-data')];
  return [
    file('/etc/passwd', usersFile(users)),
    file('/etc/group', groupsFile(users)),
    file('/etc/nsswitch.conf', nsswitch),
    file('/etc/machine-id', ''),
    file('/var/lib/dpkg/status', status),
    ...['bin', 'etc', 'include', 'lib', 'sbin', 'share', 'src'].map((name) =>
      directory(`/usr/local/${name}`),
    ),
    { path: '/tmp', kind: 'directory', mode: 0o1777 },
    { path: '/var/tmp', kind: 'directory', mode: 0o1777 },
    directory('/run'),
    { path: '/run/lock', kind: 'directory', mode: 0o1777 },
    link('/var/run', '/run'),
    link('/var/lock', '/run/lock'),
    ...accounts.filter(({ home }) => home.startsWith('/home/')).map(homeOf),
    ...extras,
  ];
}

const dropped = [
  /^\/usr\/share\/(?:man|info|groff|lintian|linda|doc-base|bug|menu|pixmaps|bash-completion)\//,
  /^\/usr\/share\/doc\/(?!.*\/copyright$)/,
  /^\/usr\/share\/locale\//,
  /^\/usr\/lib\/locale\/(?!C\.)/,
  /^\/(?:dev|proc|sys)\//,
  /^\/etc\/(?:init\.d|cron\.[a-z]+|logrotate\.d|update-motd\.d|fstab|hostname|resolv\.conf)(?:\/|$)/,
  /^\/usr\/lib\/systemd\/system(?:\/|$)/,
  /^\/var\/cache\/(?:apt|ldconfig|debconf)(?:\/|$)/,
  /^\/var\/lib\/apt(?:\/|$)/,
  /^\/var\/log\/apt(?:\/|$)/,
  /^\/var\/lib\/dpkg\/(?!status$)/,
];
const managerOnly = [/^\/etc\/(?:apt|dpkg)(?:\/|$)/];

/** Whether a path of the unpacked packages belongs into the image. Directories of kept files are made anyway. */
export function isKept(path: string, packageManager: boolean): boolean {
  if (dropped.some((pattern) => pattern.test(path))) return false;
  return packageManager || !managerOnly.some((pattern) => pattern.test(path));
}
