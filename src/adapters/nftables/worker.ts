import { NETLINK_NETFILTER, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { serveCalls } from '#adapters/linux/worker-calls.ts';
import type { FilterCalls } from './calls.ts';
import { forgetTranslated, forgetUnanswered } from './conntrack.ts';
import { Nftables } from './libnftables.ts';

const nftables = new Nftables();
const socket = new NetlinkSocket(NETLINK_NETFILTER);

serveCalls<FilterCalls>({
  run: (commands) => nftables.run(commands),
  forgetFlows: ({ begun, ended }) => {
    const messages = [...begun.map(forgetUnanswered), ...ended.map(forgetTranslated)];
    if (messages.length > 0) socket.run(...messages);
  },
});
