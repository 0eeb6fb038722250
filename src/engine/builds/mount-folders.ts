import type { Digest } from '#domain/image/digest.ts';
import type { BuildContext } from '#engine/builds/context.ts';
import { snapshotPrefix, type BuildParts } from '#engine/builds/parts.ts';
import type { Undo } from '#engine/containers/undo.ts';

/** The folders of the host that binds of one build's steps show. */
export class MountFolders {
  readonly #parts: Pick<BuildParts, 'snapshotter' | 'trees'>;
  readonly #id: string;
  readonly #signal: AbortSignal;
  #taken: Promise<string> | undefined;

  /** `id` names the build's private folders. */
  constructor(parts: Pick<BuildParts, 'snapshotter' | 'trees'>, id: string, signal: AbortSignal) {
    this.#parts = parts;
    this.#id = id;
    this.#signal = signal;
  }

  /** Of the build's own folders, those that go at its end. */
  static names(id: string): string[] {
    return [takenName(id)];
  }

  /** An image's files with a layer of their own, which takes what is written. `key` names it. */
  async image(chainId: Digest | '', key: string, undo: Undo): Promise<string> {
    const { snapshotter } = this.#parts;
    const name = `${snapshotPrefix}${key}`;
    undo.add(() => snapshotter.remove(name));
    await snapshotter.create(name, chainId);
    return snapshotter.mount(name);
  }

  /** The context, without what .dockerignore leaves out; written is to a copy, named by `key`. */
  async context(context: BuildContext, key: string, writable: boolean, undo: Undo): Promise<string> {
    if (writable) {
      undo.add(() => this.#parts.trees.removeFolder(key));
      return this.#copy(context, key);
    }
    if (context.isWhole) return context.root;
    this.#taken ??= this.#copy(context, takenName(this.#id));
    return this.#taken;
  }

  async #copy({ root, keeps, prunes }: BuildContext, name: string): Promise<string> {
    const { trees } = this.#parts;
    const copy = await trees.createFolder(name);
    const source = { root, path: '/' };
    await trees.copy(source, { root: copy, path: '/' }, { keeps, prunes, signal: this.#signal });
    return copy;
  }
}

function takenName(id: string): string {
  return `${id}-taken`;
}
