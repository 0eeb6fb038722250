const powers: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * `512m`, `1.5gb`, `64KiB` in bytes, by powers of 1024 as Docker reads sizes (go-units RAMInBytes). Undefined
 * when it is none.
 */
export function parseBytes(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  if (found === null) return undefined;
  return Math.floor(Number(found[1]) * 1024 ** (powers[(found[2] ?? '').toLowerCase()] ?? 0));
}

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** For people: `512 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1))} ${units[power] ?? ''}`;
}

const decimals = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** For people, by powers of 1000 as Docker's clients show sizes: `512 MB`, `1.5 GB`. */
export function formatDecimalBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(decimals.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${decimals[power] ?? ''}`;
}
