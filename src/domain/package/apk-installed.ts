import { byName, type InstalledPackage } from './dpkg-status.ts';

/**
 * What Alpine's database says is installed, sorted by name.
 * @param text of `/lib/apk/db/installed` (apk(5): a letter, a colon and a value a line, packages apart by empty lines)
 */
export function parseApkInstalled(text: string): InstalledPackage[] {
  return text
    .split(/\n\n+/)
    .flatMap((entry) => {
      const fields = new Map(
        entry.split('\n').flatMap((line) => (line[1] === ':' ? [[line.slice(0, 1), line.slice(2)]] : [])),
      );
      const get = (letter: string): string => fields.get(letter) ?? '';
      const [name, version] = [get('P'), get('V')];
      if (name === '' || version === '') return [];
      const origin = get('o') === '' ? name : get('o');
      return [
        {
          ...{ name, version, architecture: get('A'), source: origin, sourceVersion: version },
          ...{ maintainer: get('m'), homepage: get('U'), summary: get('T'), licence: get('L') },
        },
      ];
    })
    .sort(byName);
}
