import type { Publication } from '#ports/packet-filter.ts';

/** What the worker of libnftables answers. */
export interface FilterCalls {
  /** Carries out nft commands in one transaction. */
  run: { request: string; reply: void };
  /** Forgets the UDP flows that these publications would no longer, or not yet, apply to. */
  forgetFlows: { request: { begun: Publication[]; ended: Publication[] }; reply: void };
}
