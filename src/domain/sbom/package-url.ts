import type { InstalledPackage } from '#domain/package/dpkg-status.ts';
import type { Inventory } from '#domain/package/inventory.ts';

/** The package URL of an installed package (package-url/purl-spec, types deb and apk); its qualifiers are sorted. */
export function packageUrl(
  { kind, distribution, suite, release }: Omit<Inventory, 'packages'>,
  { name, version, architecture, source, sourceVersion }: InstalledPackage,
): string {
  const distro = suite === '' ? `${distribution}-${release}` : `${distribution}-${suite}`;
  const upstream = sourceVersion === version ? source : `${source}@${sourceVersion}`;
  const qualifiers = [
    ...(architecture === '' ? [] : [`arch=${encode(architecture)}`]),
    ...(distribution === '' ? [] : [`distro=${encode(distro)}`]),
    ...(upstream === name ? [] : [`upstream=${encode(upstream)}`]),
  ];
  const namespace = distribution === '' ? '' : `${encode(distribution)}/`;
  const query = qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`;
  return `pkg:${kind}/${namespace}${encode(name)}@${encode(version)}${query}`;
}

/** A colon stays as it is (purl-spec, "Character encoding"). */
const encode = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');
