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

/**
 * Text of a deb822 file with the sources that serve `suite`.
 * @param mirror the archive that the settings name; absent or '': as the host's own apt, if the host is Debian
 */
export async function sourcesText(suite: string, mirror: string | undefined): Promise<string> {
  if (mirror !== undefined && mirror !== '') return formatSources(debianAt(mirror, suite));
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
async function hostSuite(): Promise<string> {
  const text = await textIfThere('/etc/os-release');
  if (!/^ID="?debian"?$/m.test(text)) return '';
  return /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(text)?.[1] ?? '';
}
