import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import { hasProcess } from '#domain/container/state.ts';

/**
 * Where the root file systems of containers are reached from the host. That of a running container is mounted in the
 * container only, since each mount of the host makes every start take longer; its monitor keeps it within reach. One that
 * does not run is mounted for the time.
 */
export class Roots {
  readonly #parts: Pick<ContainerParts, 'runtime' | 'snapshotter'>;
  readonly #registry: ContainerRegistry;
  readonly #locks: KeyedMutex;
  readonly #users = new Map<string, number>();

  constructor(
    parts: Pick<ContainerParts, 'runtime' | 'snapshotter'>,
    registry: ContainerRegistry,
    locks: KeyedMutex,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#locks = locks;
  }

  async with<T>(container: Container, use: (root: string) => Promise<T>): Promise<T> {
    const root = await this.open(container);
    try {
      return await use(root);
    } finally {
      await this.close(container);
    }
  }

  /** Gives its path, until `close`. */
  async open({ id }: Pick<Container, 'id'>): Promise<string> {
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    try {
      return await (this.#runs(id) ? this.ofRunning(id) : this.#parts.snapshotter.mount(id));
    } catch (error) {
      await this.close({ id });
      throw error;
    }
  }

  /** For as long as the container runs. */
  async ofRunning(id: string): Promise<string> {
    return this.#parts.runtime.rootOf(id) ?? this.#parts.snapshotter.mount(id);
  }

  /** The last user of a container that does not run unmounts its root. */
  async close({ id }: Pick<Container, 'id'>): Promise<void> {
    const left = (this.#users.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#users.set(id, left);
      return;
    }
    this.#users.delete(id);
    // Under the lock: a start that is on its way needs the mount.
    await this.#locks.run(id, async () => {
      if (!this.#users.has(id) && !this.#runs(id)) await this.#parts.snapshotter.unmount(id);
    });
  }

  /** The host's mount of a container that runs now goes, unless somebody who opened it before still uses it. */
  async leave(id: string): Promise<void> {
    if (!this.#users.has(id) && this.#parts.runtime.rootOf(id) !== undefined)
      await this.#parts.snapshotter.unmount(id);
  }

  #runs(id: string): boolean {
    const container = this.#registry.byId(id);
    return container !== undefined && hasProcess(container);
  }
}
