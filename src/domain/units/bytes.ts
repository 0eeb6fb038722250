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
