import type { Container, Endpoint } from '#domain/container/container.ts';
import type { NamespaceSource, SpecInput } from '#domain/container/spec-input.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { CpuPool } from '#engine/containers/cpu-pool.ts';
import type { HealthMonitor } from '#engine/containers/health-monitor.ts';
import type { LogForwarding } from '#engine/containers/log-forwarding.ts';
import type { Lives } from '#engine/containers/lives.ts';
import type { Roots } from '#engine/containers/roots.ts';
import { firstHealth } from '#domain/container/health.ts';
import { monitorFileBytes } from '#domain/container/log-limits.ts';
import { wantedPorts } from '#domain/container/port-bindings.ts';
import { hasLinks } from '#domain/network/endpoint.ts';
import { afterFailedStart, afterStart } from '#domain/container/state.ts';
import { announce, announceMounted } from '#engine/containers/announcer.ts';
import { joinsContainer, ownsSandbox, vacated } from '#engine/containers/endpoints.ts';
import { etcTexts } from '#engine/containers/etc-files.ts';
import { closeSources, openGranted, openSources } from '#engine/containers/mount-sources.ts';
import { settled } from '#engine/containers/registry.ts';
import { runningPeer, specify } from '#engine/containers/specifying.ts';
import { together, Undo } from '#engine/containers/undo.ts';
import { BerthError, messageOf, notFound, within } from '#base/errors.ts';
import type { EtcPaths } from '#ports/container-files.ts';

/** Exit codes that Docker's clients show for a main process that could not be started. */
const startExitCodes: Readonly<Record<string, number>> = {
  'executable-not-found': 127,
  'executable-not-permitted': 126,
};
const otherStartFailure = 128;

/** Starts a container's main process; the caller holds the container's lock. */
export class Starting {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives: Lives;
  readonly #health: HealthMonitor;
  readonly #forwarding: LogForwarding;
  readonly #roots: Roots;
  readonly #cpus: CpuPool;

  constructor(
    parts: ContainerParts,
    registry: ContainerRegistry,
    lives: Lives,
    health: HealthMonitor,
    forwarding: LogForwarding,
    roots: Roots,
    cpus: CpuPool,
  ) {
    this.#cpus = cpus;
    this.#parts = parts;
    this.#registry = registry;
    this.#lives = lives;
    this.#health = health;
    this.#forwarding = forwarding;
    this.#roots = roots;
  }

  /** @param restarted by the restart policy. @throws what the failing step threw; everything is undone then */
  async start(container: Container, restarted: boolean): Promise<void> {
    const undo = new Undo(this.#parts.report);
    try {
      await this.#run(container, restarted, undo);
    } catch (error) {
      await undo.run();
      this.#failed(container, error);
      throw error;
    } finally {
      await this.#cpus.settle();
    }
  }

  async #run(asked: Container, restarted: boolean, undo: Undo): Promise<void> {
    const { runtime, clock, events, cgroups } = this.#parts;
    undo.add(() => this.#cpus.free(asked.id));
    const container = this.#cpus.claim(asked);
    cgroups.expectMove();
    const [prepared, joined] = await together(this.#prepare(container, undo), this.#join(container, undo));
    const config = this.#sharedConfig(container);
    const connected = this.#registry.note({
      ...container,
      config,
      endpoints: joined.endpoints,
      pending: 'start',
    });
    const files = await this.#etcFiles(connected);
    await this.#cpus.settle();
    const spec = await specify(
      this.#parts,
      this.#cpus.confine(connected),
      { ...prepared, sandbox: joined.sandbox, files },
      this.#find,
    );
    undo.add(() => runtime.delete(container.id));
    const [{ pid }, ports] = await together(
      runtime.create({
        id: container.id,
        spec,
        ...(container.hostConfig.Runtime ? { runtime: container.hostConfig.Runtime } : {}),
        tty: container.config.Tty === true,
        stdin: container.config.OpenStdin === true,
        stdinOnce: container.config.StdinOnce === true,
        log: container.hostConfig.LogConfig?.Type !== 'none',
        logFileBytes: monitorFileBytes(container.hostConfig.LogConfig),
        keepsRoot: true,
      }),
      this.#publish(connected, undo),
    );
    const life = this.#lives.of(container.id);
    await life.seat(() => runtime.attach(container.id));
    const startedAt = clock.timestamp();
    await runtime.start(container.id);
    life.begin();
    const running = this.#running({ ...connected, ports }, pid, startedAt, restarted);
    announceMounted(events, running);
    announce(events, running, 'start');
    this.#forwarding.begin(running, life.ended);
    this.#health.begin(running);
    await this.#leave(running);
  }

  /** What the host had mounted for the start alone. */
  async #leave(container: Container): Promise<void> {
    const { networks, report } = this.#parts;
    const { id, state } = container;
    const failed = (error: unknown): void =>
      report(`container ${id} has mounts of the host that it does not need`, error);
    await Promise.all([
      this.#roots.leave(id).catch(failed),
      ownsSandbox(container) ? networks.entrustSandbox(id, state.pid).catch(failed) : undefined,
    ]);
  }

  readonly #find = (ref: string): Container | undefined => this.#registry.find(ref);

  /** Who joins the network of another container has its host name. */
  #sharedConfig(container: Container): Container['config'] {
    const ref = joinsContainer(container);
    const peer = ref === undefined ? undefined : this.#find(ref);
    if (peer === undefined) return container.config;
    return {
      ...container.config,
      Hostname: peer.config.Hostname ?? '',
      Domainname: peer.config.Domainname ?? '',
    };
  }

  #running(container: Container, pid: number, startedAt: string, restarted: boolean): Container {
    const state = firstHealth(container, afterStart(container.state, pid, startedAt, restarted));
    return this.#registry.put(settled({ ...container, state }));
  }

  /** Everything on disk that the main process needs before it is made. */
  async #prepare(
    container: Container,
    undo: Undo,
  ): Promise<Required<Pick<SpecInput, 'rootPath' | 'sources' | 'granted'>>> {
    const { snapshotter, logs, host } = this.#parts;
    undo.add(() => snapshotter.unmount(container.id));
    const [rootPath] = await together(snapshotter.mount(container.id), logs.prepare(container.id));
    await host.markRoot(rootPath);
    undo.add(() => this.#forwarding.hangUp(container.id));
    await this.#forwarding.connect(container);
    undo.add(() => closeSources(this.#parts, container));
    const sources = await openSources(this.#parts, container);
    return { rootPath, sources, granted: await openGranted(this.#parts, container) };
  }

  async #join(
    container: Container,
    undo: Undo,
  ): Promise<{ sandbox: NamespaceSource; endpoints: Endpoint[] }> {
    const { networks } = this.#parts;
    const mode = container.hostConfig.NetworkMode ?? '';
    if (joinsContainer(container) !== undefined)
      return { sandbox: { path: `/proc/${runningPeer(mode, this.#find).state.pid}/ns/net` }, endpoints: [] };
    if (!ownsSandbox(container)) return { sandbox: 'host', endpoints: container.endpoints };
    const endpoints: Endpoint[] = [];
    undo.add(() => networks.removeSandbox({ ...container, endpoints }));
    const path = await networks.createSandbox(container.id);
    for (const endpoint of container.endpoints)
      endpoints.push(await this.#attach(container, endpoint, endpoints.length === 0));
    return { sandbox: { path }, endpoints };
  }

  async #attach(container: Container, endpoint: Endpoint, isFirst: boolean): Promise<Endpoint> {
    const { networks } = this.#parts;
    const { networkId, networkName } = endpoint;
    try {
      // Its network may be gone while a container does not run.
      const network = networks.list().find(({ id }) => id === networkId);
      if (network === undefined) throw notFound('network-missing', `network ${networkName} not found`);
      return hasLinks(network) ? await networks.attach(container, endpoint, isFirst) : endpoint;
    } catch (error) {
      throw within('failed to set up container networking', error);
    }
  }

  async #publish(container: Container, undo: Undo): Promise<Container['ports']> {
    const wanted = wantedPorts(container.config, container.hostConfig);
    if (wanted.length === 0 || !ownsSandbox(container)) return [];
    undo.add(() => this.#parts.networks.unpublish(container));
    return this.#parts.networks.publish(container, wanted);
  }

  async #etcFiles(container: Container): Promise<EtcPaths> {
    const { files } = this.#parts;
    const peer = joinsContainer(container);
    if (peer !== undefined) return files.paths(peer);
    await files.write(container.id, await etcTexts(this.#parts, container, this.#find));
    return files.paths(container.id);
  }

  #failed(container: Container, error: unknown): void {
    const code = error instanceof BerthError ? startExitCodes[error.code] : undefined;
    const exitCode = code ?? otherStartFailure;
    const state = afterFailedStart(container.state, exitCode, messageOf(error));
    this.#registry.put(
      settled({ ...container, endpoints: container.endpoints.map(vacated), ports: [], state }),
    );
    this.#lives.of(container.id).refuse(error);
  }
}
