import type { Calls } from '#adapters/linux/worker-calls.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { Instance } from '#domain/instance.ts';
import type {
  BalancedService,
  FilterChange,
  FilteredNetwork,
  GuardedAddress,
  PacketFilter,
  PolicyRules,
  Publication,
} from '#ports/packet-filter.ts';
import { elementsOfService, isOfServices, ordered } from './balancing.ts';
import type { FilterCalls } from './calls.ts';
import {
  addition,
  deletion,
  elementOfPublication,
  elementsOfNetwork,
  makeChain,
  nameOf,
  removeChain,
  type Element,
} from './elements.ts';
import { elementsOfGuard, PolicyTable } from './policies.ts';
import { chainsIn, emptySets, listChains, removeTable, replaceTable } from './ruleset.ts';

/** What is to be in the kernel after a change. */
interface Wanted {
  elements: Map<string, Element | undefined>;
  networks: Map<string, Element[]>;
  services: Map<string, Element[]>;
  /** Backends of services in the order of their numbers. */
  orders: Map<string, string[]>;
  /** Elements of guarded addresses by address. */
  guards: Map<string, Element[]>;
  policies: PolicyTable;
  /** Commands for what DNS names stand for. */
  named: string[];
  /** Addresses that a service no longer gives connections to. */
  left: string[];
}

type PolicyChange = FilterChange & { do: 'set-policies' | 'guard' | 'unguard' | 'allow-name' };

const noPolicies: PolicyRules = { lists: [], groups: [], names: [] };

/** The rules of an instance by libnftables, which runs in a worker thread. */
export class NftPacketFilter implements PacketFilter {
  readonly #table: string;
  readonly #worker: Calls<FilterCalls>;
  readonly #order = new KeyedMutex();
  /** What the kernel holds: networks by bridge, services by key, elements by set and key, chains by name. */
  #networks = new Map<string, Element[]>();
  #services = new Map<string, Element[]>();
  #orders = new Map<string, string[]>();
  #elements = new Map<string, Element>();
  #chains = new Set<string>();
  #guards = new Map<string, Element[]>();
  #policies: PolicyTable;

  /** `worker` answers by `filterHandlers`. */
  constructor(instance: Instance, worker: Calls<FilterCalls>) {
    this.#worker = worker;
    this.#table = instance.table;
    this.#policies = new PolicyTable(this.#table, noPolicies);
  }

  reset(
    networks: FilteredNetwork[],
    publications: Publication[],
    services: BalancedService[] = [],
    policies: { rules: PolicyRules; guarded: GuardedAddress[] } = { rules: noPolicies, guarded: [] },
  ): Promise<void> {
    return this.#inOrder(async () => {
      const byBridge = new Map(networks.map((network) => [network.bridge, elementsOfNetwork(network)]));
      const byKey = new Map(
        services.map((service) => [service.key, elementsOfService(service, service.backends)]),
      );
      const byAddress = new Map(policies.guarded.map((one) => [one.address, elementsOfGuard(one)]));
      const table = new PolicyTable(this.#table, policies.rules);
      const all = [
        ...[...byAddress.values()].flat(),
        ...[...byBridge.values()].flat(),
        ...publications.map(elementOfPublication),
        ...[...byKey.values()].flat(),
      ];
      const elements = new Map(all.map((element) => [nameOf(element), element]));
      const chains = new Map(all.flatMap(({ chain }) => (chain === undefined ? [] : [[chain.name, chain]])));
      const found = chainsIn(await this.#worker.call('list', listChains), this.#table);
      const present = found !== undefined && table.isIn(found) ? found : undefined;
      const unused = present?.filter((name) => isOfServices(name) && !chains.has(name)) ?? [];
      const commands = [
        (present === undefined ? replaceTable : emptySets)(this.#table),
        ...(present === undefined ? table.creation() : table.refresh(present)),
        ...unused.flatMap((name) => removeChain(this.#table, name)),
        ...[...chains.values()].flatMap((chain) => makeChain(this.#table, chain)),
        ...[...elements.values()].map((element) => addition(this.#table, element)),
      ];
      await this.#worker.call('run', commands.join('\n'));
      this.#networks = byBridge;
      this.#services = byKey;
      this.#orders = new Map(services.map((service) => [service.key, service.backends]));
      this.#elements = elements;
      this.#chains = new Set(chains.keys());
      this.#guards = byAddress;
      this.#policies = table;
    });
  }

  apply(changes: FilterChange[]): Promise<void> {
    return this.#inOrder(async () => {
      const wanted: Wanted = {
        elements: new Map(),
        networks: new Map(this.#networks),
        services: new Map(this.#services),
        orders: new Map(this.#orders),
        guards: new Map(this.#guards),
        policies: this.#policies,
        named: [],
        left: [],
      };
      for (const change of changes) this.#want(change, wanted);
      const policies = wanted.policies.changes(this.#policies);
      const isRemoval = changes.some((change) => change.do === 'remove-service');
      const unused = isRemoval ? this.#unused(wanted.elements) : [];
      const commands = [
        ...policies.before,
        ...this.#commands(wanted.elements),
        ...wanted.named,
        ...unused.flatMap((name) => removeChain(this.#table, name)),
        ...policies.after,
      ];
      if (commands.length > 0) await this.#worker.call('run', commands.join('\n'));
      this.#networks = wanted.networks;
      this.#services = wanted.services;
      this.#orders = wanted.orders;
      this.#guards = wanted.guards;
      this.#policies = wanted.policies;
      for (const [name, element] of wanted.elements) {
        if (element === undefined) this.#elements.delete(name);
        else this.#elements.set(name, element);
        if (element?.chain !== undefined) this.#chains.add(element.chain.name);
      }
      for (const name of unused) this.#chains.delete(name);
      await this.#forgetFlows(changes, wanted.left);
    });
  }

  remove(): Promise<void> {
    return this.#inOrder(async () => {
      await this.#worker.call('run', removeTable(this.#table));
      for (const each of [this.#networks, this.#services, this.#orders, this.#elements, this.#chains])
        each.clear();
      this.#guards.clear();
      this.#policies = new PolicyTable(this.#table, noPolicies);
    });
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    return this.#order.run('table', work);
  }

  /** Deletions come first: a key whose value changes is deleted and added in the same transaction. */
  #commands(wanted: Map<string, Element | undefined>): string[] {
    const chains = new Map<string, string[]>();
    const gone: string[] = [];
    const come: string[] = [];
    for (const [name, element] of wanted) {
      const present = this.#elements.get(name);
      if (present?.value === element?.value && (present === undefined) === (element === undefined)) continue;
      if (present !== undefined) gone.push(deletion(this.#table, present));
      if (element !== undefined) come.push(addition(this.#table, element));
      if (element?.chain !== undefined && !this.#chains.has(element.chain.name))
        chains.set(element.chain.name, makeChain(this.#table, element.chain));
    }
    return [...[...chains.values()].flat(), ...gone, ...come];
  }

  /** Chains to which nothing leads any more. They stay while services only change: the next change may lead there. */
  #unused(wanted: Wanted['elements']): string[] {
    const left = new Map([...this.#elements, ...wanted]);
    const used = new Set([...left.values()].map((element) => element?.chain?.name));
    return [...this.#chains].filter((name) => !used.has(name));
  }

  async #forgetFlows(changes: FilterChange[], left: string[]): Promise<void> {
    const udp = (kind: 'publish' | 'unpublish'): Publication[] =>
      changes.flatMap((change) =>
        change.do === kind && change.publication.protocol === 'udp' ? [change.publication] : [],
      );
    const ports = changes.flatMap((change) => (change.do === 'set-service' ? change.service.ports : []));
    const begun = ports.filter((port) => port.protocol === 'udp');
    const flows = { begun: [...udp('publish'), ...begun], ended: udp('unpublish') };
    if (flows.begun.length + flows.ended.length > 0) await this.#worker.call('forgetFlows', flows);
    if (left.length > 0) await this.#worker.call('forgetBackends', left);
    const vacated = changes.flatMap((change) => (change.do === 'vacate' ? [change.address] : []));
    if (vacated.length > 0) await this.#worker.call('forgetAddresses', vacated);
  }

  #want(change: FilterChange, wanted: Wanted): void {
    switch (change.do) {
      case 'set-policies':
        wanted.policies = new PolicyTable(this.#table, change.policies);
        return;
      case 'guard':
        replace(wanted, wanted.guards, change.guarded.address, elementsOfGuard(change.guarded));
        return;
      case 'unguard':
        replace(wanted, wanted.guards, change.address, undefined);
        return;
      case 'allow-name':
        wanted.named.push(...wanted.policies.allowName(change.name, change.addresses, change.seconds));
        return;
      default:
        want(change, wanted);
    }
  }
}

function want(change: Exclude<FilterChange, PolicyChange>, wanted: Wanted): void {
  switch (change.do) {
    case 'add-network':
      replace(wanted, wanted.networks, change.network.bridge, elementsOfNetwork(change.network));
      return;
    case 'remove-network':
      replace(wanted, wanted.networks, change.bridge, undefined);
      return;
    case 'publish': {
      const element = elementOfPublication(change.publication);
      wanted.elements.set(nameOf(element), element);
      return;
    }
    case 'unpublish':
      wanted.elements.set(nameOf(elementOfPublication(change.publication)), undefined);
      return;
    case 'set-service':
      balance(wanted, change.service.key, change.service);
      return;
    case 'remove-service':
      balance(wanted, change.key, undefined);
      return;
    case 'vacate':
      return;
  }
}

/** Lets `next` take the place of what is held under `key`. */
function replace(
  { elements }: Wanted,
  held: Map<string, Element[]>,
  key: string,
  next: Element[] | undefined,
): void {
  for (const element of held.get(key) ?? []) elements.set(nameOf(element), undefined);
  for (const element of next ?? []) elements.set(nameOf(element), element);
  if (next === undefined) held.delete(key);
  else held.set(key, next);
}

function balance(wanted: Wanted, key: string, service: BalancedService | undefined): void {
  const former = wanted.orders.get(key) ?? [];
  const order = ordered(former, service?.backends ?? []);
  replace(wanted, wanted.services, key, service && elementsOfService(service, order));
  if (service === undefined) wanted.orders.delete(key);
  else wanted.orders.set(key, order);
  wanted.left.push(...former.filter((address) => !order.includes(address)));
}
