import type { InstalledPackage } from '#domain/package/dpkg-status.ts';
import type { Inventory } from '#domain/package/inventory.ts';
import { packageUrl } from './package-url.ts';
import { wholeSeconds, type SbomSubject } from './subject.ts';

/** The bill of materials of an image as a CycloneDX 1.5 document. */
export function cycloneDxOf(subject: SbomSubject, inventory: Inventory): object {
  const hex = subject.digest.slice('sha256:'.length);
  const image = `pkg:oci/${encodeURIComponent(subject.name.replace(/^.*\//, '').replace(/[:@].*$/, ''))}@sha256:${hex}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(hex)}`,
    version: 1,
    metadata: {
      timestamp: wholeSeconds(subject.created),
      tools: { components: [{ type: 'application', name: 'berth', version: subject.toolVersion }] },
      component: {
        'bom-ref': image,
        type: 'container',
        name: subject.name,
        version: subject.digest,
        purl: image,
        hashes: [{ alg: 'SHA-256', content: hex }],
      },
    },
    components: [systemOf(inventory), ...inventory.packages.map((one) => componentOf(inventory, one))],
    dependencies: [{ ref: image, dependsOn: inventory.packages.map((one) => packageUrl(inventory, one)) }],
  };
}

/** Scanners find out from it whose security notices hold. */
function systemOf({ distribution, release }: Inventory): object {
  const name = distribution === '' ? 'linux' : distribution;
  return {
    'bom-ref': `os:${name}`,
    type: 'operating-system',
    name,
    ...(release === '' ? {} : { version: release }),
  };
}

function componentOf(inventory: Inventory, one: InstalledPackage): object {
  const purl = packageUrl(inventory, one);
  return {
    'bom-ref': purl,
    type: 'library',
    name: one.name,
    version: one.version,
    ...(one.maintainer === '' ? {} : { publisher: one.maintainer }),
    ...(one.summary === '' ? {} : { description: one.summary }),
    ...(one.licence === '' ? {} : { licenses: [{ license: { name: one.licence } }] }),
    purl,
    ...(one.homepage === '' ? {} : { externalReferences: [{ type: 'website', url: one.homepage }] }),
    properties: [
      { name: 'berth:source-package', value: one.source },
      { name: 'berth:source-version', value: one.sourceVersion },
    ],
  };
}

/** A UUID of version 8 (RFC 9562: custom) from a digest: the same image has the same serial number. */
function uuidOf(hex: string): string {
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
