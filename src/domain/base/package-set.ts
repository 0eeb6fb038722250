/** What every image holds, so that `RUN`, `sh -c` and health checks work and scanners know the distribution. */
export const commonPackages = [
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

/** The known name that is closest to a mistyped one, if any is close enough. */
export function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = wrong.length > 5 ? 3 : 2;
  for (const name of known) {
    if (name[0] !== wrong[0] || Math.abs(name.length - wrong.length) >= bestDistance) continue;
    const distance = editDistance(wrong, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
