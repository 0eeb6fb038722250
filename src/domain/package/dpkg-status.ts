/** A package that is installed in a root file system. */
export interface InstalledPackage {
  name: string;
  version: string;
  /** As the distribution says it: `amd64`, `all`, `x86_64`. */
  architecture: string;
  /** The source package that it was built from, with its version. */
  source: string;
  sourceVersion: string;
  /** Who packaged it. */
  maintainer: string;
  homepage: string;
  summary: string;
  /** As the database says it; '' where it says nothing. */
  licence: string;
}

/**
 * What dpkg's database says is installed, sorted by name.
 * @param text of `/var/lib/dpkg/status`, or of the files of `/var/lib/dpkg/status.d` one after the other (deb822, dpkg(1))
 */
export function parseDpkgStatus(text: string): InstalledPackage[] {
  return text
    .split(/\n\s*\n/)
    .flatMap((stanza) => read(stanza))
    .sort(byName);
}

function read(stanza: string): InstalledPackage[] {
  const fields = new Map<string, string>();
  for (const line of stanza.split('\n')) {
    const [, name, value] = /^([A-Za-z][A-Za-z-]*):[ \t]*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name.toLowerCase(), value.trim());
  }
  const get = (name: string): string => fields.get(name) ?? '';
  // Files of status.d, which images without dpkg have, need not have a status.
  const isInstalled = fields.has('status') ? / installed$/.test(get('status')) : true;
  if (get('package') === '' || get('version') === '' || !isInstalled) return [];
  const [, source = get('package'), sourceVersion = get('version')] =
    /^(\S+)(?:\s+\(([^)]*)\))?$/.exec(get('source')) ?? [];
  return [
    {
      ...{ name: get('package'), version: get('version'), architecture: get('architecture') },
      ...{ source, sourceVersion, maintainer: get('maintainer'), homepage: get('homepage') },
      ...{ summary: get('description'), licence: '' },
    },
  ];
}

/** By the bytes of the names, so that the order is the same everywhere. */
export function byName(
  a: Pick<InstalledPackage, 'name' | 'architecture'>,
  b: Pick<InstalledPackage, 'name' | 'architecture'>,
): number {
  const [one, other] = [`${a.name} ${a.architecture}`, `${b.name} ${b.architecture}`];
  return one < other ? -1 : one > other ? 1 : 0;
}
