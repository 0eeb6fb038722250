import type { BridgeLink, ChildKind, ChildLink, EndpointLink, LinkCounters } from '#ports/links.ts';

/** What the worker of network namespaces and links answers. */
export interface LinkCalls {
  createNamespace: { request: string; reply: void };
  /** Keeps the network namespace of a process instead of making one. */
  keepNamespace: { request: { path: string; pid: number }; reply: void };
  entrustNamespace: { request: { path: string; pid: number }; reply: void };
  removeNamespace: { request: string; reply: void };
  /** Replies with what had to be changed on the host, and whether bridged packets pass the packet filter. */
  ensureBridge: { request: BridgeLink; reply: { changes: string[]; filtered: boolean } };
  removeLink: { request: string; reply: void };
  listLinks: { request: string; reply: string[] };
  usedSubnets: { request: undefined; reply: string[] };
  knows: { request: ChildKind | 'vlan'; reply: boolean };
  addVlan: { request: { name: string; link: string; id: number; alias: string }; reply: void };
  ensurePair: { request: string; reply: void };
  has: { request: string; reply: boolean };
  connectChild: { request: ChildLink; reply: void };
  connect: { request: EndpointLink; reply: void };
  disconnect: { request: { namespace: string; name: string }; reply: void };
  routeBy: { request: { namespace: string; name: string; gateways: string[] }; reply: void };
  counters: { request: string; reply: Record<string, LinkCounters> };
}
