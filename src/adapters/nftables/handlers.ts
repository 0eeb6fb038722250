import { NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { FilterCalls } from './calls.ts';
import { flowsOfAddress, flowsOfBackend, forget, translatedFlows, unansweredFlows } from './conntrack.ts';
import { Nftables } from './libnftables.ts';

/** Answers the calls of NftPacketFilter, in a worker thread: libnftables blocks. */
export function filterHandlers(): CallHandlers<FilterCalls> {
  const nftables = new Nftables();
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  return {
    run: (commands) => void nftables.run(commands),
    list: (command) => nftables.run(command),
    forgetFlows: ({ begun, ended }) =>
      forget(socket, [...begun.map(unansweredFlows), ...ended.map(translatedFlows)]),
    forgetBackends: (addresses) => forget(socket, addresses.flatMap(flowsOfBackend)),
    forgetAddresses: (addresses) => forget(socket, addresses.map(flowsOfAddress)),
  };
}
