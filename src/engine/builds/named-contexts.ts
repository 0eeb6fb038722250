import type { BuildContextSource, NamedContext } from '#engine/contracts.ts';
import type { BuildFolders } from '#engine/builds/build-folders.ts';
import {
  contextFiles,
  contextRoot,
  fetching,
  type ContextFiles,
  type ContextParts,
} from '#engine/builds/context.ts';
import { notFound } from '#base/errors.ts';

/** The contexts that a client named; each is fetched when a step first needs it. */
export class NamedContexts {
  readonly #parts: ContextParts;
  readonly #folders: BuildFolders;
  readonly #given: Record<string, NamedContext>;
  readonly #signal: AbortSignal;
  readonly #opened = new Map<string, ReturnType<typeof fetching>>();

  constructor(
    parts: ContextParts,
    own: { folders: BuildFolders; signal: AbortSignal },
    given: Record<string, NamedContext> = {},
  ) {
    this.#parts = parts;
    this.#folders = own.folders;
    this.#signal = own.signal;
    this.#given = given;
  }

  /**
   * An image for the platform, by its reference or id, or files: of a client's those at the paths, or all.
   * @throws as openContext; what obtaining it fails with
   */
  async open(
    name: string,
    platform: string,
    paths?: readonly string[],
  ): Promise<{ image: string } | ContextFiles> {
    const found = Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
    if (found === undefined) throw notFound('build-context-missing', `no context has the name '${name}'`);
    if ('image' in found) return found;
    if ('obtain' in found) return { image: await found.obtain(platform) };
    const place = `context-${this.#opened.size}`;
    const opened = this.#opened.get(name) ?? fetching((...what) => this.#files(name, found, ...what));
    this.#opened.set(name, opened);
    return opened(place, paths);
  }

  async #files(
    name: string,
    source: BuildContextSource,
    place: string,
    paths: readonly string[] | undefined,
  ): Promise<ContextFiles> {
    // With the repository's own folder, as with BuildKit.
    const whole = 'remote' in source ? { ...source, keepGitDir: true } : source;
    const root = await contextRoot(this.#parts, this.#folders, place, whole, this.#signal, paths);
    if (!('folder' in source)) this.#folders.received.set(name, root);
    // A client leaves out what its .dockerignore says, and does not send that here.
    if ('fill' in source) return contextFiles(root, undefined);
    return contextFiles(root, await this.#parts.trees.readText({ root, path: '.dockerignore' }));
  }
}
