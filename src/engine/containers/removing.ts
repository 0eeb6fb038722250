import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import { settled, type ContainerRegistry } from '#engine/containers/registry.ts';
import type { LogForwarding } from '#engine/containers/log-forwarding.ts';
import type { Lives } from '#engine/containers/lives.ts';
import { removeImageMounts } from '#engine/containers/mount-sources.ts';
import { announce } from '#engine/containers/announcer.ts';
import { isKind } from '#base/errors.ts';
import { conflict } from '#base/errors.ts';

/** Removes what does not run; the caller holds the container's lock. */
export class Removing {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #lives: Lives;
  readonly #forwarding: LogForwarding;

  constructor(parts: ContainerParts, registry: ContainerRegistry, lives: Lives, forwarding: LogForwarding) {
    this.#parts = parts;
    this.#registry = registry;
    this.#lives = lives;
    this.#forwarding = forwarding;
  }

  /** What is to go is in the record: the next start of a daemon that was killed in between goes on. */
  async remove(container: Container, volumes: boolean): Promise<void> {
    const marked = this.#registry.note({
      ...settled(container),
      ...(volumes ? { pending: 'remove-volumes' } : {}),
      state: { ...container.state, status: 'removing' },
    });
    await this.discard(marked);
    if (volumes) await this.#removeAnonymous(marked);
    this.#registry.delete(marked);
    announce(this.#parts.events, marked, 'destroy');
    const life = this.#lives.of(container.id);
    life.refuse(conflict('container-removed', `container ${container.id} was removed`));
    // Without the error of a failed start: whoever started it has been told.
    const { exitCode } = marked.state;
    for (const moment of ['exit', 'stopped', 'removed'] as const) life.tell(moment, { exitCode });
    this.#lives.forget(container.id);
  }

  /** Everything on the host that is the container's, whatever it came to. Idempotent. */
  async discard(container: Pick<Container, 'id' | 'mounts'>): Promise<void> {
    const { snapshotter, logs, files } = this.#parts;
    const { id } = container;
    await this.#forwarding.finish(id);
    await files.remove(id);
    await Promise.all([snapshotter.remove(id), removeImageMounts(this.#parts, container), logs.remove(id)]);
  }

  /** The anonymous volumes of a container; one that another container uses stays. */
  async #removeAnonymous(container: Container): Promise<void> {
    for (const point of container.mounts) await this.removeAnonymous(point);
  }

  async removeAnonymous(point: Container['mounts'][number]): Promise<void> {
    if (point.anonymous !== true || point.name === undefined) return;
    try {
      await this.#parts.volumes.remove(point.name, true);
    } catch (error) {
      if (isKind(error, 'conflict') || isKind(error, 'not-found')) return;
      this.#parts.report(`anonymous volume ${point.name} was not removed`, error);
    }
  }
}
