import type { CallHandlers } from '#adapters/linux/worker-calls.ts';
import type { LinkCalls } from './calls.ts';
import { HostLinks } from './host-links.ts';
import { dropNamespace, HomeNamespace } from './namespaces.ts';

/** Answers the calls of NetlinkLinks, in a worker thread: they move the thread that they run in. */
export function linkHandlers(): CallHandlers<LinkCalls> {
  const home = new HomeNamespace();
  const links = new HostLinks(home);
  return {
    createNamespace: (path) => home.create(path),
    removeNamespace: (path) => dropNamespace(path),
    ensureBridge: (bridge) => links.ensureBridge(bridge),
    removeBridge: (name) => links.removeLink(name),
    listLinks: (prefix) => links.names().filter((name) => name.startsWith(prefix)),
    usedSubnets: () => links.subnets(),
    connect: (link) => links.connect(link),
    disconnect: ({ namespace, name }) => links.disconnect(namespace, name),
    routeBy: ({ namespace, name, gateways }) => links.routeBy(namespace, name, gateways),
    counters: (namespace) => links.counters(namespace),
  };
}
