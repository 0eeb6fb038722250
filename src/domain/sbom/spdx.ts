import type { InstalledPackage } from '#domain/package/dpkg-status.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { packageUrl } from './package-url.ts';
import { wholeSeconds, type SbomSubject } from './subject.ts';

/** The bill of materials of an image as an SPDX 2.3 document. */
export function spdxOf(subject: SbomSubject, inventory: Inventory): object {
  const hex = subject.digest.slice('sha256:'.length);
  const ids = inventory.packages.map((one) => `SPDXRef-Package-${idOf(one)}`);
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: subject.name,
    documentNamespace: `urn:berth:sbom:sha256:${hex}`,
    creationInfo: {
      created: wholeSeconds(subject.created),
      creators: [`Tool: berth-${subject.toolVersion}`],
    },
    packages: [imagePackage(subject, hex), ...inventory.packages.map((one) => packageOf(inventory, one))],
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-Image'),
      ...ids.map((id) => relation('SPDXRef-Image', 'CONTAINS', id)),
    ],
  };
}

function relation(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}

function imagePackage({ name, digest }: SbomSubject, hex: string): object {
  return {
    SPDXID: 'SPDXRef-Image',
    name,
    versionInfo: digest,
    primaryPackagePurpose: 'CONTAINER',
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    checksums: [{ algorithm: 'SHA256', checksumValue: hex }],
    ...unknownLicence,
  };
}

function packageOf(inventory: Inventory, one: InstalledPackage): object {
  return {
    SPDXID: `SPDXRef-Package-${idOf(one)}`,
    name: one.name,
    versionInfo: one.version,
    ...(one.maintainer === '' ? {} : { supplier: `Person: ${one.maintainer.replace(/ <(.*)>$/, ' ($1)')}` }),
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    ...(one.homepage === '' ? {} : { homepage: one.homepage }),
    sourceInfo: `built from the source package ${one.source} ${one.sourceVersion}`,
    ...unknownLicence,
    ...(one.summary === '' ? {} : { summary: one.summary }),
    ...(one.licence === '' ? {} : { licenseComments: `The package database says: ${one.licence}` }),
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: packageUrl(inventory, one),
      },
    ],
  };
}

/** dpkg's database has no licences, and apk's are no SPDX expressions everywhere: nothing is asserted. */
const unknownLicence = {
  licenseConcluded: 'NOASSERTION',
  licenseDeclared: 'NOASSERTION',
  copyrightText: 'NOASSERTION',
} as const;

/** SPDX identifiers have letters, digits, dots and hyphens; what else is in a name is written as its code. */
function idOf({ name, architecture }: InstalledPackage): string {
  const text = architecture === '' ? name : `${name}-${architecture}`;
  return text.replace(/[^A-Za-z0-9.-]/g, (one) => `-${one.charCodeAt(0).toString(16)}-`);
}
