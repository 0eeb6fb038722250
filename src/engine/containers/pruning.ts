import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { LifeCycle } from '#engine/containers/life-cycle.ts';
import { isActive } from '#domain/container/state.ts';
import { isKind } from '#base/errors.ts';

/** Removes what nobody runs. */
export class Pruning {
  readonly #parts: Pick<ContainerParts, 'events' | 'snapshotter'>;
  readonly #registry: ContainerRegistry;
  readonly #cycle: LifeCycle;

  constructor(
    parts: Pick<ContainerParts, 'events' | 'snapshotter'>,
    registry: ContainerRegistry,
    cycle: LifeCycle,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#cycle = cycle;
  }

  /** Of those that do not run the wanted. `reclaimed` is in bytes. */
  async prune(wanted: (container: Container) => boolean): Promise<{ removed: string[]; reclaimed: number }> {
    const removed: string[] = [];
    let reclaimed = 0;
    for (const container of this.#registry.list().filter((each) => !isActive(each) && wanted(each))) {
      const size = await this.#parts.snapshotter.usage(container.id);
      if (!(await this.#remove(container.id))) continue;
      reclaimed += size;
      removed.push(container.id);
    }
    this.#parts.events.emit('container', 'prune', '', { reclaimed: String(reclaimed) });
    return { removed, reclaimed };
  }

  /** False when somebody else started or removed it meanwhile. */
  async #remove(id: string): Promise<boolean> {
    try {
      await this.#cycle.remove(this.#registry.get(id), {});
      return true;
    } catch (error) {
      if (isKind(error, 'conflict') || isKind(error, 'not-found')) return false;
      throw error;
    }
  }
}
