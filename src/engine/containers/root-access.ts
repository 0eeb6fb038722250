import type { Readable } from 'node:stream';
import type { Container } from '#domain/container/container.ts';
import type { ContainerParts } from '#engine/containers/parts.ts';
import type { ContainerRegistry } from '#engine/containers/registry.ts';
import type { KeyedMutex } from '#base/mutex.ts';
import type { PathStat } from '#ports/root-files.ts';
import { hasProcess } from '#domain/container/state.ts';
import { notFound } from '#base/errors.ts';

/** The root file systems of containers, seen from outside; one that does not run is mounted for the time. */
export class RootAccess {
  readonly #parts: ContainerParts;
  readonly #registry: ContainerRegistry;
  readonly #locks: KeyedMutex;
  readonly #users = new Map<string, number>();

  constructor(parts: ContainerParts, registry: ContainerRegistry, locks: KeyedMutex) {
    this.#parts = parts;
    this.#registry = registry;
    this.#locks = locks;
  }

  async sizes(container: Container): Promise<{ own: number; root: number }> {
    const own = await this.#parts.snapshotter.usage(container.id);
    return { own, root: own + (this.#parts.images.find(container.imageId)?.size ?? 0) };
  }

  async exportRoot(container: Container): Promise<Readable> {
    const root = await this.#open(container);
    return this.#closing(container, this.#parts.rootFiles.packAll(root));
  }

  /** @throws not-found `path-missing` with Docker's words */
  async stat(container: Container, path: string): Promise<PathStat> {
    const root = await this.#open(container);
    try {
      const found = await this.#parts.rootFiles.stat(root, path);
      if (found !== undefined) return found;
      throw notFound('path-missing', `Could not find the file ${path} in container ${container.id}`);
    } finally {
      await this.#close(container);
    }
  }

  async pack(container: Container, path: string): Promise<Readable> {
    const root = await this.#open(container);
    try {
      return this.#closing(container, await this.#parts.rootFiles.pack(root, path));
    } catch (error) {
      await this.#close(container);
      throw error;
    }
  }

  async unpack(
    container: Container,
    path: string,
    tar: Readable,
    options: { keepKinds: boolean; copyOwners: boolean },
  ): Promise<void> {
    const root = await this.#open(container);
    try {
      await this.#parts.rootFiles.unpack(root, path, tar, options);
    } finally {
      await this.#close(container);
    }
  }

  async #open({ id }: Container): Promise<string> {
    this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    return this.#parts.snapshotter.mount(id);
  }

  /** The last user of a container that does not run unmounts its root. */
  async #close({ id }: Container): Promise<void> {
    const left = (this.#users.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#users.set(id, left);
      return;
    }
    this.#users.delete(id);
    // Under the lock: a start that is on its way needs the mount.
    await this.#locks.run(id, async () => {
      const container = this.#registry.byId(id);
      const needed = this.#users.has(id) || (container !== undefined && hasProcess(container));
      if (!needed) await this.#parts.snapshotter.unmount(id);
    });
  }

  #closing(container: Container, stream: Readable): Readable {
    stream.once('close', () => {
      this.#close(container).catch((error: unknown) =>
        this.#parts.report(`the root of container ${container.id} stays mounted`, error),
      );
    });
    return stream;
  }
}
