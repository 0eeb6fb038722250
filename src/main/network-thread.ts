import { WorkerCalls } from '#adapters/linux/worker-calls.ts';
import type { LinkCalls } from '#adapters/netlink/calls.ts';
import { NetlinkLinks, type NamespaceOwner } from '#adapters/netlink/links.ts';
import type { FilterCalls } from '#adapters/nftables/calls.ts';
import { NetlinkDenialLog } from '#adapters/nftables/denial-log.ts';
import { NftPacketFilter } from '#adapters/nftables/packet-filter.ts';
import type { Instance } from '#domain/instance.ts';

/** Links and rules of an instance with the thread that they share; `close` ends it, links and rules stay. */
export function openNetwork(
  instance: Instance,
  onHostChange: (message: string) => void,
  owner?: NamespaceOwner,
) {
  const thread = new WorkerCalls<LinkCalls & FilterCalls>(new URL('./network-worker.ts', import.meta.url));
  return {
    links: new NetlinkLinks(instance, thread, onHostChange, owner),
    filter: new NftPacketFilter(instance, thread),
    denials: new NetlinkDenialLog(instance),
    close: () => thread.close(),
  };
}
