import { join } from 'node:path';
import type { Calls } from '#adapters/linux/worker-calls.ts';
import { namesIfThere } from '#adapters/files/if-there.ts';
import type { Instance } from '#domain/instance.ts';
import type { BridgeLink, ChildKind, ChildLink, EndpointLink, LinkCounters, Links } from '#ports/links.ts';
import type { LinkCalls } from './calls.ts';

/** The user namespace that owns the network namespaces, where it is not the host's. */
export interface NamespaceOwner {
  /** Runs `use` with a process in a new network namespace, which lives until then. */
  withNetworkNamespace<T>(use: (pid: number) => Promise<T>): Promise<T>;
}

/** Links by rtnetlink, all of it in a worker thread; namespaces are mounted below the instance's run folder. */
export class NetlinkLinks implements Links {
  readonly #folder: string;
  readonly #linkPrefix: string;
  readonly #worker: Calls<LinkCalls>;
  readonly #onHostChange: (message: string) => void;
  readonly #owner: NamespaceOwner | undefined;

  /** `worker` answers by `linkHandlers`. `onHostChange` is told each setting of the host that had to be changed, as a sentence for the log. */
  constructor(
    instance: Instance,
    worker: Calls<LinkCalls>,
    onHostChange: (message: string) => void,
    owner?: NamespaceOwner,
  ) {
    this.#owner = owner;
    this.#worker = worker;
    this.#linkPrefix = instance.linkPrefix;
    this.#folder = join(instance.run, 'netns');
    this.#onHostChange = onHostChange;
  }

  async createNamespace(id: string): Promise<string> {
    const path = this.namespacePath(id);
    if (this.#owner === undefined) await this.#worker.call('createNamespace', path);
    else await this.#owner.withNetworkNamespace((pid) => this.#worker.call('keepNamespace', { path, pid }));
    return path;
  }

  async entrustNamespace(id: string, pid: number): Promise<void> {
    await this.#worker.call('entrustNamespace', { path: this.namespacePath(id), pid });
  }

  async removeNamespace(id: string): Promise<void> {
    await this.#worker.call('removeNamespace', this.namespacePath(id));
  }

  listNamespaces(): Promise<string[]> {
    return namesIfThere(this.#folder);
  }

  namespacePath(id: string): string {
    return join(this.#folder, id);
  }

  async ensureBridge(bridge: BridgeLink): Promise<boolean> {
    const { changes, filtered } = await this.#worker.call('ensureBridge', bridge);
    changes.forEach(this.#onHostChange);
    return filtered;
  }

  async removeLink(name: string): Promise<void> {
    await this.#worker.call('removeLink', name);
  }

  listLinks(prefix: string): Promise<string[]> {
    return this.#worker.call('listLinks', prefix);
  }

  usedSubnets(): Promise<string[]> {
    return this.#worker.call('usedSubnets', undefined);
  }

  knows(kind: ChildKind | 'vlan'): Promise<boolean> {
    return this.#worker.call('knows', kind);
  }

  async addVlan(name: string, vlan: { link: string; id: number }): Promise<void> {
    await this.#worker.call('addVlan', { name, ...vlan, alias: this.#linkPrefix });
  }

  async ensurePair(name: string): Promise<void> {
    await this.#worker.call('ensurePair', name);
  }

  has(name: string): Promise<boolean> {
    return this.#worker.call('has', name);
  }

  async connectChild(link: ChildLink): Promise<void> {
    await this.#worker.call('connectChild', link);
  }

  async connect(link: EndpointLink): Promise<void> {
    await this.#worker.call('connect', link);
  }

  async disconnect(namespace: string, name: string): Promise<void> {
    await this.#worker.call('disconnect', { namespace, name });
  }

  async routeBy(namespace: string, name: string, gateways: string[]): Promise<void> {
    await this.#worker.call('routeBy', { namespace, name, gateways });
  }

  counters(namespace: string): Promise<Record<string, LinkCounters>> {
    return this.#worker.call('counters', namespace);
  }
}
