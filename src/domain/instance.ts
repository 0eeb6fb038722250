import { fingerprint } from '#base/ids.ts';

/**
 * One daemon with its state. Everything of it that is visible on the host carries a name derived from
 * its root folder, so that instances side by side never see or disturb each other.
 */
export interface Instance {
  /** Six hexadecimal digits. */
  id: string;
  /** Absolute: state.db, blobs/, snapshots/, volumes/, logs/. */
  root: string;
  /** Absolute: sockets, bundles, namespaces. Gone after a reboot. */
  run: string;
  /** `/berth-ID`: parent of the containers' control groups. */
  cgroupParent: string;
  /** Begins every host link of the instance; 7 characters, so 8 are left for the rest of a name. */
  linkPrefix: string;
  /** Name of the nftables table. */
  table: string;
}

export function instanceOf(root: string, run: string): Instance {
  const id = fingerprint(root).slice(0, 6);
  return { id, root, run, cgroupParent: `/berth-${id}`, linkPrefix: `b${id}`, table: `berth_${id}` };
}
