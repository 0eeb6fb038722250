import { CLONE_NEWNET, unshare } from '#adapters/linux/libc.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '#adapters/linux/netlink.ts';
import { setUp } from '#adapters/netlink/messages.ts';

/**
 * Moves this test file's main thread, and every thread that it starts from now on, into a network namespace
 * of its own that plays the host. Call it before anything else: what the file does to "the host" is then
 * seen by nobody, and is gone with the process.
 */
export function becomePrivateHost(): void {
  unshare(CLONE_NEWNET);
  using socket = new NetlinkSocket(NETLINK_ROUTE);
  socket.run(setUp('lo', 1));
}
