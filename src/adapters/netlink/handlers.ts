import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { LinkCalls } from './calls.ts';
import { ChildLinks } from './child-links.ts';
import { HostEnds } from './host-ends.ts';
import { HostLinks } from './host-links.ts';
import { dropNamespace, entrustNamespace, HomeNamespace } from './namespaces.ts';

/** Answers the calls of NetlinkLinks, in a worker thread: they move the thread that they run in. */
export function linkHandlers(): CallHandlers<LinkCalls> {
  const home = new HomeNamespace();
  const links = new HostLinks(home);
  const children = new ChildLinks(links, home);
  const ends = new HostEnds(links);
  return {
    createNamespace: (path) => home.create(path),
    keepNamespace: ({ path, pid }) => home.keep(path, `/proc/${pid}/ns/net`),
    entrustNamespace: ({ path, pid }) => entrustNamespace(path, pid),
    removeNamespace: (path) => {
      dropNamespace(path);
      ends.dropped(path);
    },
    ensureBridge: (bridge) => links.ensureBridge(bridge),
    removeLink: (name) => links.removeLink(name),
    listLinks: (prefix) => links.namesOf(prefix),
    usedSubnets: () => links.subnets(),
    knows: (kind) => children.knows(kind),
    addVlan: (vlan) => children.addVlan(vlan),
    ensurePair: (name) => children.ensurePair(name),
    has: (name) => links.has(name),
    connectChild: (link) => children.connect(link),
    connect: (link) => {
      links.connect(link);
      ends.made(link.namespace, link.hostName);
    },
    disconnect: ({ namespace, name }) => links.disconnect(namespace, name),
    routeBy: ({ namespace, name, gateways }) => links.routeBy(namespace, name, gateways),
    counters: (namespace) => links.counters(namespace),
  };
}
