/** Fields that identify a package and its content, in dpkg's order; the rest of an index entry is about downloading. */
const kept = [
  'Package',
  'Essential',
  'Priority',
  'Section',
  'Installed-Size',
  'Maintainer',
  'Architecture',
  'Multi-Arch',
  'Source',
  'Version',
  'Replaces',
  'Provides',
  'Depends',
  'Pre-Depends',
  'Breaks',
  'Conflicts',
  'Description',
  'Homepage',
];

/**
 * The dpkg status file of exactly the packages in the image, which is where scanners read what is installed.
 * @param stanzas the packages' entries of the index, as `apt-cache show` prints them
 */
export function statusFile(stanzas: string): string {
  return stanzas
    .split(/\n{2,}/)
    .map(fieldsOf)
    .filter((fields) => fields.has('Package'))
    .sort((a, b) => compare(a.get('Package') ?? '', b.get('Package') ?? ''))
    .map(stanzaOf)
    .join('\n');
}

function stanzaOf(fields: Map<string, string>): string {
  const lines = kept.flatMap((field) => {
    const value = fields.get(field);
    return value === undefined ? [] : [`${field}: ${value}`];
  });
  lines.splice(1, 0, 'Status: install ok installed');
  return `${lines.join('\n')}\n`;
}

/** One-line values; of a folded one only its first line, for long descriptions are documentation. */
function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of stanza.split('\n')) {
    const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    const [, name, value] = match ?? [];
    // An index served in several languages calls its descriptions Description-en and so on.
    if (name !== undefined && value !== undefined)
      fields.set(name.replace(/^Description-[a-z]+$/, 'Description'), value);
  }
  return fields;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bytes that the packages of these index entries take when they are unpacked. */
export function installedSize(stanzas: string): number {
  const sizes = [...stanzas.matchAll(/^Installed-Size: (\d+)$/gm)].map(([, kibibytes]) => Number(kibibytes));
  return sizes.reduce((sum, size) => sum + size, 0) * 1024;
}
