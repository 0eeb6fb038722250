import { join } from 'node:path';
import { namesIfThere, textIfThere } from '#adapters/files/if-there.ts';
import {
  debianAt,
  formatSources,
  parseDeb822,
  parseOneLine,
  sourcesFor,
  type Source,
} from '#domain/base/sources.ts';

const etc = '/etc/apt';

/** Where packages come from, as the settings say. */
export interface Mirror {
  /** An archive such as `http://mirror.example/debian`; '': as the host's own apt, if the host is Debian. */
  archive: string;
  /** Absolute path of the keys that sign the archive; '': Debian's own. */
  keyring: string;
  /** Seconds that it may be silent. */
  timeout: number;
}

export const hostMirror: Mirror = { archive: '', keyring: '', timeout: 30 };

/** Text of a deb822 file with the sources that serve `suite`. */
export async function sourcesText(suite: string, { archive, keyring }: Mirror): Promise<string> {
  if (archive !== '') return formatSources(debianAt(archive, suite, keyring));
  return formatSources(sourcesFor(suite, await hostSources(), await hostSuite()));
}

async function hostSources(): Promise<Source[]> {
  const parts = (await namesIfThere(join(etc, 'sources.list.d')))
    .sort()
    .map((name) => join(etc, 'sources.list.d', name));
  const files = [join(etc, 'sources.list'), ...parts].filter((path) => /\.(?:list|sources)$/.test(path));
  const parsed = files.map(async (path) => {
    const text = await textIfThere(path);
    return path.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text);
  });
  return (await Promise.all(parsed)).flat();
}

/** The codename of a Debian host, '' elsewhere: only Debian's archives are of use here. */
export async function hostSuite(): Promise<string> {
  const text = await textIfThere('/etc/os-release');
  if (!/^ID="?debian"?$/m.test(text)) return '';
  return /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1] ?? '';
}
