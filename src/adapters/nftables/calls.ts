import type { Publication, ServicePort } from '#ports/packet-filter.ts';

/** What the worker of libnftables answers. */
export interface FilterCalls {
  /** Carries out nft commands in one transaction. */
  run: { request: string; reply: void };
  /** What an nft command prints. */
  list: { request: string; reply: string };
  /** Forgets the UDP flows that these publications would no longer, or not yet, apply to. */
  forgetFlows: { request: { begun: ServicePort[]; ended: Publication[] }; reply: void };
  /** Forgets the UDP flows that these addresses answer, and what they have not answered yet by any protocol. */
  forgetBackends: { request: string[]; reply: void };
  /** Forgets every flow that these addresses answered; clients of open connections are reset. */
  forgetAddresses: { request: string[]; reply: void };
}
