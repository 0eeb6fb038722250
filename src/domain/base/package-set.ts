import { nearest } from '#base/nearest.ts';

/** What every image holds, so that `RUN`, `sh -c` and health checks work and scanners know the distribution. */
const commonPackages = [
  'base-files',
  'coreutils',
  'dash',
  'findutils',
  'grep',
  'gzip',
  'hostname',
  'libc-bin',
  'mawk',
  'netbase',
  'sed',
  'tar',
] as const;

/**
 * Needed only by maintainer scripts, which never run here. apt is told that they are installed, so that they
 * and what they drag in (perl, debconf's helpers) stay out.
 */
const scriptOnly = [
  'adduser',
  'debconf',
  'dpkg',
  'init-system-helpers',
  'install-info',
  'lsb-base',
  'sysvinit-utils',
  'ucf',
] as const;

/** Asked for as a whole: then its parts must be real. */
const packageManagers = ['apt', 'dpkg', 'aptitude'];

/** Everything apt is asked to install, sorted. */
export function wantedPackages(requested: string[]): string[] {
  return [...new Set([...commonPackages, ...requested])].sort();
}

export function wantsPackageManager(requested: string[]): boolean {
  return requested.some((name) => packageManagers.includes(name));
}

/** A dpkg status file that says the stand-ins are there already. */
export function standInStatus(requested: string[], architecture: string): string {
  if (wantsPackageManager(requested)) return '';
  return scriptOnly
    .filter((name) => !requested.includes(name))
    .map(
      (name) =>
        `Package: ${name}\nStatus: install ok installed\nVersion: 99:0\nArchitecture: ${architecture}\n` +
        'Multi-Arch: foreign\nMaintainer: none\nDescription: stands in for a package that only maintainer scripts need\n',
    )
    .join('\n');
}

/** The known name that is closest to a mistyped one, if any is close enough. A suite has 60,000 names, so most are passed over unmeasured. */
export function nearestName(wrong: string, known: string[]): string | undefined {
  return nearest(
    wrong,
    known.filter((name) => name[0] === wrong[0] && Math.abs(name.length - wrong.length) <= 2),
  );
}
