import { compareVersions } from './debian-version.ts';

/** A version of a package that a mirror offers, and where. */
export interface Offer {
  name: string;
  version: string;
  /** Such as bookworm-security. */
  suite: string;
}

/** An installed package that the mirror has a newer version of. */
export interface OutdatedPackage {
  name: string;
  installed: string;
  candidate: string;
  /** Whether a version newer than the installed one comes from a suite of security updates. */
  security: boolean;
}

const isSecurity = (suite: string): boolean => /(?:-security|\/updates)$/.test(suite);

/** Of each installed package the newest offer, where that is newer than what is installed; sorted by name. */
export function outdatedPackages(
  installed: readonly { name: string; version: string }[],
  offers: readonly Offer[],
): OutdatedPackage[] {
  const byPackage = Map.groupBy(offers, (offer) => offer.name);
  return installed
    .flatMap(({ name, version }) => {
      const newer = (byPackage.get(name) ?? []).filter(
        (offer) => compareVersions(offer.version, version) > 0,
      );
      const newest = newer.reduce<Offer | undefined>(
        (best, offer) =>
          best === undefined || compareVersions(offer.version, best.version) > 0 ? offer : best,
        undefined,
      );
      if (newest === undefined) return [];
      const security = newer.some((offer) => isSecurity(offer.suite));
      return [{ name, installed: version, candidate: newest.version, security }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** What became of a package between two inventories. '': it was not there. */
export interface PackageChange {
  name: string;
  from: string;
  to: string;
}

export function packageChanges(
  before: readonly { name: string; version: string }[],
  after: readonly { name: string; version: string }[],
): PackageChange[] {
  const [old, now] = [before, after].map((list) => new Map(list.map(({ name, version }) => [name, version])));
  return [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])]
    .sort()
    .map((name) => ({ name, from: old?.get(name) ?? '', to: now?.get(name) ?? '' }))
    .filter(({ from, to }) => from !== to);
}
