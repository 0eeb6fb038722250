import { NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { FilterCalls } from './calls.ts';
import { forgetTranslated, forgetUnanswered } from './conntrack.ts';
import { Nftables } from './libnftables.ts';

/** Answers the calls of NftPacketFilter, in a worker thread: libnftables blocks. */
export function filterHandlers(): CallHandlers<FilterCalls> {
  const nftables = new Nftables();
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  return {
    run: (commands) => nftables.run(commands),
    forgetFlows: ({ begun, ended }) => {
      const messages = [...begun.map(forgetUnanswered), ...ended.map(forgetTranslated)];
      if (messages.length > 0) socket.run(...messages);
    },
  };
}
