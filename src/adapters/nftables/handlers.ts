import { NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { FilterCalls } from './calls.ts';
import { forgetBackend, forgetTranslated, forgetUnanswered } from './conntrack.ts';
import { Nftables } from './libnftables.ts';

/** Answers the calls of NftPacketFilter, in a worker thread: libnftables blocks. */
export function filterHandlers(): CallHandlers<FilterCalls> {
  const nftables = new Nftables();
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  return {
    run: (commands) => void nftables.run(commands),
    list: (command) => nftables.run(command),
    forgetFlows: ({ begun, ended }) => {
      const messages = [...begun.map(forgetUnanswered), ...ended.map(forgetTranslated)];
      if (messages.length > 0) socket.run(...messages);
    },
    forgetBackends: (addresses) => {
      const messages = addresses.flatMap(forgetBackend);
      if (messages.length > 0) socket.run(...messages);
    },
  };
}
