import { serveCalls } from '#adapters/linux/worker-calls.ts';
import type { LinkCalls } from './calls.ts';
import { HostLinks } from './host-links.ts';
import { dropNamespace, HomeNamespace } from './namespaces.ts';

const home = new HomeNamespace();
const links = new HostLinks(home);

serveCalls<LinkCalls>({
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
});
