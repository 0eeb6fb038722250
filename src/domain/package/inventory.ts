import type { InstalledPackage } from './dpkg-status.ts';

/** What is installed in an image, by its own package database. */
export interface Inventory {
  /** Type of a package URL: which database it is. */
  kind: 'deb' | 'apk';
  /** `ID` of os-release, such as debian. */
  distribution: string;
  /** `VERSION_CODENAME`, such as bookworm; '' where there is none. */
  suite: string;
  /** `VERSION_ID`, such as 12. */
  release: string;
  packages: InstalledPackage[];
}

/** Where databases lie in a root file system. */
export const databases = {
  osRelease: ['etc/os-release', 'usr/lib/os-release'],
  dpkg: 'var/lib/dpkg/status',
  /** One file a package, in images that have no dpkg. */
  dpkgParts: 'var/lib/dpkg/status.d',
  apk: 'lib/apk/db/installed',
} as const;

/** os-release(5): values may be quoted. */
export function parseOsRelease(text: string): Pick<Inventory, 'distribution' | 'suite' | 'release'> {
  const get = (name: string): string =>
    (new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2');
  return { distribution: get('ID'), suite: get('VERSION_CODENAME'), release: get('VERSION_ID') };
}
