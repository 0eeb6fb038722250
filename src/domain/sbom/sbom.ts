import type { Inventory } from '#domain/package/inventory.ts';
import { cycloneDxOf } from './cyclonedx.ts';
import { spdxOf } from './spdx.ts';
import type { SbomSubject } from './subject.ts';

export const sbomFormats = ['spdx', 'cyclonedx'] as const;
export type SbomFormat = (typeof sbomFormats)[number];

/** What in-toto statements call each format (in-toto/attestation, predicates). */
export const predicateTypes: Readonly<Record<SbomFormat, string>> = {
  spdx: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
};

/** The bill of materials of an image, ready for JSON. The same input gives the same document. */
export function sbomOf(format: SbomFormat, subject: SbomSubject, inventory: Inventory): object {
  return format === 'spdx' ? spdxOf(subject, inventory) : cycloneDxOf(subject, inventory);
}
