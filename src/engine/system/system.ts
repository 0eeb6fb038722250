import type { Instance } from '#domain/instance.ts';
import type { Containers, Images, Volumes } from '#engine/contracts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Machine, MachineFacts } from '#ports/machine.ts';
import type { Runtime } from '#ports/runtime.ts';
import type { Snapshotter } from '#ports/snapshotter.ts';

export interface Release {
  version: string;
  /** Of the daemon's sources; '' when not known. */
  commit: string;
  /** RFC 3339; '' when not known. */
  built: string;
}

export interface SystemReport {
  id: string;
  now: string;
  root: string;
  release: Release;
  machine: MachineFacts;
  runtime: { name: string; names: readonly string[]; version: string; monitor: string; commit: string };
  containers: { all: number; running: number; paused: number; stopped: number };
  images: number;
  insecureRegistries: string[];
  /** URLs by registry. */
  mirrors: Record<string, string[]>;
  /** Containers have ids of their own on the host. */
  remapped: boolean;
  warnings: string[];
}

export interface SystemOptions {
  instance: Instance;
  clock: Pick<Clock, 'timestamp'>;
  machine: Machine;
  runtime: Pick<Runtime, 'name' | 'names' | 'version'>;
  containers: Pick<Containers, 'list'>;
  images: Pick<Images, 'list' | 'parts'>;
  volumes: Pick<Volumes, 'list' | 'usage'>;
  snapshotter: Pick<Snapshotter, 'listCommitted'>;
  release: Release;
  insecureRegistries: string[];
  /** URLs by registry. */
  mirrors: Record<string, string[]>;
  remapped: boolean;
}

/** What is told about the daemon and its machine as a whole. */
export class System {
  readonly #options: SystemOptions;
  readonly #runtime: Promise<Omit<SystemReport['runtime'], 'names'>>;

  constructor(options: SystemOptions) {
    this.#options = options;
    const { runtime } = options;
    this.#runtime = runtime.version().then(
      ({ runtime: version, monitor, commit }) => ({ name: runtime.name, version, monitor, commit }),
      () => ({ name: runtime.name, version: '', monitor: '', commit: '' }),
    );
  }

  async report(): Promise<SystemReport> {
    const { instance, clock, release, insecureRegistries, mirrors, images, remapped } = this.#options;
    const machine = await this.#options.machine.facts();
    const runtime = { ...(await this.#runtime), names: this.#options.runtime.names };
    return {
      id: instance.id,
      now: clock.timestamp(),
      root: instance.root,
      release,
      machine,
      runtime,
      containers: this.#count(),
      images: images.list().length - images.parts().size,
      insecureRegistries,
      mirrors,
      remapped,
      warnings: warningsOf(machine, runtime.version !== ''),
    };
  }

  /** Bytes of all unpacked layers; one that images share counts once. */
  async layersSize(): Promise<number> {
    const layers = await this.#options.snapshotter.listCommitted();
    return layers.reduce((sum, { size }) => sum + size, 0);
  }

  /** Bytes on disk of every volume. */
  async volumeUsage(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const { name } of this.#options.volumes.list())
      sizes.set(name, await this.#options.volumes.usage(name));
    return sizes;
  }

  #count(): SystemReport['containers'] {
    const statuses = this.#options.containers.list().map(({ state }) => state.status);
    const running = statuses.filter((status) => status === 'running' || status === 'restarting').length;
    const paused = statuses.filter((status) => status === 'paused').length;
    return { all: statuses.length, running, paused, stopped: statuses.length - running - paused };
  }
}

function warningsOf(machine: MachineFacts, hasRuntime: boolean): string[] {
  return [
    ...(machine.ipv4Forwarding ? [] : ["WARNING: IPv4 forwarding is disabled: run 'berth setup'"]),
    ...(machine.seccomp ? [] : ['WARNING: the kernel has no seccomp filters']),
    ...(hasRuntime ? [] : ["WARNING: crun or conmon does not answer: run 'berth setup'"]),
  ];
}
