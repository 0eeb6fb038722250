import type { CatalogueEntry } from './entry.ts';
import { runtimes } from './runtimes.ts';
import { servers } from './servers.ts';

export type { CatalogueEntry } from './entry.ts';

/** In the order in which they are shown. */
export const catalogue: readonly CatalogueEntry[] = [...runtimes, ...servers];

export function catalogueEntry(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}
