import { SystemCallError } from '#adapters/linux/libc.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { RawSocket } from '#adapters/linux/raw-socket.ts';
import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { FilterCalls } from './calls.ts';
import {
  flowsOfAddress,
  flowsOfBackend,
  forget,
  translatedConnections,
  translatedFlows,
  unansweredFlows,
} from './conntrack.ts';
import { Nftables } from './libnftables.ts';
import { emptySegment, type Connection } from './segment.ts';

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
    forgetAddresses: (addresses) => {
      const open = addresses.flatMap((address) => translatedConnections(socket, address));
      forget(socket, addresses.map(flowsOfAddress));
      for (const version of [4, 6] as const)
        nudge(
          version,
          open.filter((one) => one.version === version),
        );
    },
  };
}

/**
 * Makes the clients of connections whose translation was forgotten say where they stand: whoever gets that now knows
 * nothing of the connection and resets it, also of a client that would only read.
 */
function nudge(version: 4 | 6, connections: Connection[]): void {
  if (connections.length === 0) return;
  using socket = new RawSocket(version);
  for (const connection of connections)
    try {
      socket.send(emptySegment(connection), connection.client);
    } catch (error) {
      // A client that cannot be reached learns it by itself.
      if (!(error instanceof SystemCallError)) throw error;
    }
}
