import { nearest } from '#base/nearest.ts';

/** A dpkg status file that says the stand-ins are there already. */
export function standInStatus(standIns: readonly string[], architecture: string): string {
  return standIns
    .map(
      (name) =>
        `Package: ${name}\nStatus: install ok installed\nVersion: 99:0\nArchitecture: ${architecture}\n` +
        'Multi-Arch: allowed\nMaintainer: none\nDescription: stands in for a package that is not needed to run the image\n',
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
