import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '#adapters/clock/system-clock.ts';
import { DnsResolver } from '#adapters/dns/resolver.ts';
import { HostsFile } from '#adapters/host-names/hosts-file.ts';
import type { NetlinkLinks } from '#adapters/netlink/links.ts';
import { SocketPortReserver } from '#adapters/ports/port-reserver.ts';
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts';
import { newId } from '#base/ids.ts';
import type { EndpointRequest, HostConfig } from '#domain/container/config.ts';
import type { AppIdentity, Container, ContainerState } from '#domain/container/container.ts';
import type { WantedPort } from '#domain/container/port-bindings.ts';
import { isReady } from '#domain/app/ready.ts';
import { instanceOf } from '#domain/instance.ts';
import { Networks } from '#engine/networks/networks.ts';
import { Policies } from '#engine/policies/policies.ts';
import { endpointsOf } from '#engine/services/endpoints.ts';
import { openNetwork } from '#main/network-thread.ts';
import { Peer } from './peer.ts';

const CREATED: ContainerState = {
  status: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: '0001-01-01T00:00:00Z',
  finishedAt: '0001-01-01T00:00:00Z',
  restartCount: 0,
  stoppedByUser: false,
};

export interface RunOptions {
  networks: Record<string, EndpointRequest>;
  publish?: WantedPort[];
  host?: HostConfig;
  identity?: AppIdentity;
}

/** The room networks on real adapters, with programs in namespaces in the place of containers. */
export class NetworkEngine implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-networks-'));
  readonly instance = instanceOf(join(this.folder, 'root'), join(this.folder, 'run'));
  readonly containers = new Map<string, Container>();
  readonly events: string[] = [];
  readonly problems: string[] = [];
  #parts = this.#adapters();
  policies = this.#policies();
  networks = this.#engine();
  readonly #peers: Peer[] = [];

  static async start(): Promise<NetworkEngine> {
    const engine = new NetworkEngine();
    await engine.networks.start();
    await engine.networks.adopt([]);
    return engine;
  }

  get links(): NetlinkLinks {
    return this.#parts.links;
  }

  /** As a daemon that was killed and comes again: nothing is undone before. */
  async restart(): Promise<void> {
    await this.#closeAdapters();
    this.#parts = this.#adapters();
    this.policies = this.#policies();
    this.networks = this.#engine();
    await this.networks.start();
    await this.networks.adopt([...this.containers.values()]);
  }

  /** A container that runs: joined to its networks in order, the first one carrying the default route. */
  async run(name: string, options: RunOptions): Promise<{ peer: Peer; container: Container }> {
    const { networks } = this;
    const id = newId();
    const wanted = Object.entries(options.networks);
    const drafts = wanted.map(([network, request], index) =>
      networks.endpoint({ id, name, hostname: id.slice(0, 12) }, networks.get(network), request, index),
    );
    const base = container(id, name, options.host ?? {}, options.identity);
    this.#put({ ...base, endpoints: drafts });
    const namespace = await networks.createSandbox(id);
    const endpoints: Container['endpoints'] = [];
    for (const draft of drafts) endpoints.push(await networks.attach(base, draft, endpoints.length === 0));
    const joined = this.#put({ ...base, endpoints });
    const ports = await networks.publish(joined, options.publish ?? []);
    const running = this.#put({ ...joined, ports, state: { ...CREATED, status: 'running', pid: 1 } });
    const peer = await Peer.in(namespace);
    this.#peers.push(peer);
    return { peer, container: running };
  }

  async stop({ peer, container }: { peer: Peer; container: Container }): Promise<void> {
    await peer[Symbol.asyncDispose]();
    await this.networks.removeSandbox(container);
    this.containers.delete(container.id);
  }

  /** Tells who answers for a service, as the room services does. */
  async tell(app: string, service: string): Promise<void> {
    const own = [...this.containers.values()].filter(
      ({ identity }) => identity?.app === app && identity.service === service,
    );
    await this.networks.services.apply(app, service, endpointsOf(own.filter(isReady)));
  }

  update(container: Container): void {
    this.#put(container);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) await peer[Symbol.asyncDispose]();
    for (const each of this.containers.values()) await this.networks.removeSandbox(each);
    for (const { bridge, parent } of this.networks.list()) {
      const made = parent?.made === undefined ? bridge : parent.name;
      if (made !== '') await this.links.removeLink(made);
    }
    await this.#parts.filter.remove();
    await this.#closeAdapters();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #put(each: Container): Container {
    this.containers.set(each.id, each);
    return each;
  }

  #adapters() {
    return {
      store: new SqliteStateStore(join(this.folder, 'state.db')),
      ...openNetwork(this.instance, () => undefined),
      ports: new SocketPortReserver(),
      resolver: new DnsResolver(),
      hostNames: new HostsFile(join(this.folder, 'hosts'), this.instance.id),
    };
  }

  async #closeAdapters(): Promise<void> {
    const { store, close, ports, resolver } = this.#parts;
    await Promise.all([close(), resolver.close()]);
    ports.close();
    store.close();
  }

  #policies(): Policies {
    return new Policies({
      ...this.#parts,
      clock: new SystemClock(),
      events: { emit: (type, action, id) => this.events.push(`${type} ${action} ${id}`) },
      report: (message) => this.problems.push(message),
    });
  }

  #engine(): Networks {
    const networks = new Networks({
      ...this.#parts,
      policies: this.policies,
      clock: new SystemClock(),
      instance: this.instance,
      events: {
        emit: (type, action, _id, attributes) =>
          this.events.push(`${type} ${action} ${attributes?.['name'] ?? ''}`),
      },
      report: (message) => this.problems.push(message),
    });
    networks.connectedBy((networkId) =>
      [...this.containers.values()].flatMap((each) =>
        each.endpoints
          .filter((endpoint) => endpoint.networkId === networkId)
          .map((endpoint) => ({ container: each, endpoint })),
      ),
    );
    return networks;
  }
}

function container(id: string, name: string, hostConfig: HostConfig, identity?: AppIdentity): Container {
  return {
    ...(identity === undefined ? {} : { identity }),
    id,
    name,
    created: '2026-01-01T00:00:00Z',
    imageId: '',
    imageName: '',
    platform: 'linux',
    config: {},
    hostConfig,
    path: '',
    args: [],
    mounts: [],
    endpoints: [],
    ports: [],
    state: CREATED,
  };
}
