import type { Digest } from '#domain/image/digest.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import type { ContextFiles } from '#engine/builds/context.ts';
import { snapshotPrefix, type BuildParts } from '#engine/builds/parts.ts';
import type { Undo } from '#engine/containers/undo.ts';

/** The folders of the host that binds of one build's steps show. */
export class MountFolders {
  readonly #parts: Pick<BuildParts, 'snapshotter' | 'trees'>;
  readonly #folders: BuildFolders;
  readonly #signal: AbortSignal;
  /** What .dockerignore leaves in of a context, by the context's folder. */
  readonly #taken = new Map<string, Promise<string>>();

  constructor(parts: Pick<BuildParts, 'snapshotter' | 'trees'>, folders: BuildFolders, signal: AbortSignal) {
    this.#parts = parts;
    this.#folders = folders;
    this.#signal = signal;
  }

  /** An image's files with a layer of their own, which takes what is written. `key` names it. */
  async image(chainId: Digest | '', key: string, undo: Undo): Promise<string> {
    const { snapshotter } = this.#parts;
    const name = `${snapshotPrefix}${key}`;
    undo.add(() => snapshotter.remove(name));
    await snapshotter.create(name, chainId);
    return snapshotter.mount(name, 'host', 'volatile');
  }

  /** A context, without what .dockerignore leaves out; written is to a copy, named by `key`. */
  async context(context: ContextFiles, key: string, writable: boolean, undo: Undo): Promise<string> {
    if (writable) {
      undo.add(() => this.#folders.remove(key));
      return this.#copy(context, key);
    }
    if (context.isWhole) {
      await this.#parts.trees.settle(context.root);
      return context.root;
    }
    const taken = this.#taken.get(context.root) ?? this.#copy(context, `taken-${this.#taken.size}`);
    this.#taken.set(context.root, taken);
    return taken;
  }

  async #copy({ root, keeps, prunes }: ContextFiles, name: string): Promise<string> {
    const copy = await this.#folders.create(name);
    const source = { root, path: '/' };
    await this.#parts.trees.copy(source, { root: copy, path: '/' }, { keeps, prunes, signal: this.#signal });
    return copy;
  }
}
