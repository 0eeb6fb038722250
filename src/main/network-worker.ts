import { serveCalls } from '#adapters/linux/worker-calls.ts';
import type { LinkCalls } from '#adapters/netlink/calls.ts';
import { linkHandlers } from '#adapters/netlink/handlers.ts';
import type { FilterCalls } from '#adapters/nftables/calls.ts';
import { filterHandlers } from '#adapters/nftables/handlers.ts';

// The thread of links and rules: one for both, since each thread costs 10 MB.
serveCalls<LinkCalls & FilterCalls>({ ...linkHandlers(), ...filterHandlers() });
