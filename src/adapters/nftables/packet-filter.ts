import type { Calls } from '#adapters/linux/worker-calls.ts';
import { KeyedMutex } from '#base/mutex.ts';
import type { Instance } from '#domain/instance.ts';
import type { FilterChange, FilteredNetwork, PacketFilter, Publication } from '#ports/packet-filter.ts';
import type { FilterCalls } from './calls.ts';
import {
  addition,
  deletion,
  elementOfPublication,
  elementsOfNetwork,
  nameOf,
  type Element,
} from './elements.ts';
import { removeTable, replaceTable } from './ruleset.ts';

/** The rules of an instance by libnftables, which runs in a worker thread. */
export class NftPacketFilter implements PacketFilter {
  readonly #table: string;
  readonly #worker: Calls<FilterCalls>;
  readonly #order = new KeyedMutex();
  /** What the kernel holds: networks by bridge, elements by set and key. */
  #networks = new Map<string, Element[]>();
  #elements = new Map<string, Element>();

  /** `worker` answers by `filterHandlers`. */
  constructor(instance: Instance, worker: Calls<FilterCalls>) {
    this.#worker = worker;
    this.#table = instance.table;
  }

  reset(networks: FilteredNetwork[], publications: Publication[]): Promise<void> {
    return this.#inOrder(async () => {
      const byBridge = new Map(networks.map((network) => [network.bridge, elementsOfNetwork(network)]));
      const all = [...byBridge.values()].flat().concat(publications.map(elementOfPublication));
      const elements = new Map(all.map((element) => [nameOf(element), element]));
      const additions = [...elements.values()].map((element) => addition(this.#table, element));
      await this.#worker.call('run', [replaceTable(this.#table), ...additions].join('\n'));
      this.#networks = byBridge;
      this.#elements = elements;
    });
  }

  apply(changes: FilterChange[]): Promise<void> {
    return this.#inOrder(async () => {
      const wanted = new Map<string, Element | undefined>();
      const networks = new Map(this.#networks);
      for (const change of changes) this.#want(change, wanted, networks);
      const commands = this.#commands(wanted);
      if (commands.length > 0) await this.#worker.call('run', commands.join('\n'));
      this.#networks = networks;
      for (const [name, element] of wanted) {
        if (element === undefined) this.#elements.delete(name);
        else this.#elements.set(name, element);
      }
      await this.#forgetFlows(changes);
    });
  }

  remove(): Promise<void> {
    return this.#inOrder(async () => {
      await this.#worker.call('run', removeTable(this.#table));
      this.#networks.clear();
      this.#elements.clear();
    });
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    return this.#order.run('table', work);
  }

  #want(
    change: FilterChange,
    wanted: Map<string, Element | undefined>,
    networks: Map<string, Element[]>,
  ): void {
    const set = (element: Element): unknown => wanted.set(nameOf(element), element);
    const drop = (element: Element): unknown => wanted.set(nameOf(element), undefined);
    switch (change.do) {
      case 'add-network': {
        const elements = elementsOfNetwork(change.network);
        networks.get(change.network.bridge)?.forEach(drop);
        elements.forEach(set);
        networks.set(change.network.bridge, elements);
        return;
      }
      case 'remove-network':
        networks.get(change.bridge)?.forEach(drop);
        networks.delete(change.bridge);
        return;
      case 'publish':
        set(elementOfPublication(change.publication));
        return;
      case 'unpublish':
        drop(elementOfPublication(change.publication));
    }
  }

  /** Deletions come first: a key whose value changes is deleted and added in the same transaction. */
  #commands(wanted: Map<string, Element | undefined>): string[] {
    const gone: string[] = [];
    const come: string[] = [];
    for (const [name, element] of wanted) {
      const present = this.#elements.get(name);
      if (present?.value === element?.value && (present === undefined) === (element === undefined)) continue;
      if (present !== undefined) gone.push(deletion(this.#table, present));
      if (element !== undefined) come.push(addition(this.#table, element));
    }
    return [...gone, ...come];
  }

  async #forgetFlows(changes: FilterChange[]): Promise<void> {
    const udp = (kind: 'publish' | 'unpublish'): Publication[] =>
      changes.flatMap((change) =>
        change.do === kind && change.publication.protocol === 'udp' ? [change.publication] : [],
      );
    const flows = { begun: udp('publish'), ended: udp('unpublish') };
    if (flows.begun.length + flows.ended.length > 0) await this.#worker.call('forgetFlows', flows);
  }
}
