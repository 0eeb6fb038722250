import { conflict } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import type { BuildContextSource, BuildRequest, Builds, NamedContext } from '#engine/contracts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';
import { askedOf, BuildWatch, keptOf, namesOf, type BuildRecord, type ContextAgain } from './build-record.ts';
import type { KeptContexts, Keeping } from './kept-contexts.ts';
import type { BroughtSecrets, SecretsAgain } from './secrets-again.ts';

export interface RecordedBuildsOptions {
  builds: Builds;
  store: Pick<StateStore, 'collection'>;
  contexts: Pick<KeptContexts, 'keep' | 'open' | 'has' | 'remove' | 'list'>;
  secrets: Pick<SecretsAgain, 'lacks' | 'value'>;
  report: (problem: string, error: unknown) => void;
}

/** Files from which images can be built again, as people see them. */
export interface KeptContextView {
  id: string;
  /** The images. */
  names: string[];
  /** Bytes, packed. */
  size: number;
  /** Milliseconds since 1970. */
  used: number;
}

/** Builds, remembering how they were asked for. */
export class RecordedBuilds implements Builds {
  readonly #options: RecordedBuildsOptions;
  readonly #builds: Builds;
  readonly #records: Collection<BuildRecord>;
  /** The kept contexts that each tag's record needs. */
  readonly #needed = new Map<string, string[]>();
  /** Those whose files are still being kept. */
  readonly #keeping = new Set<Promise<void>>();
  /** Builds that have no record yet, or an unfinished one. */
  #building = 0;
  readonly #stop = new AbortController();

  constructor(options: RecordedBuildsOptions) {
    this.#options = options;
    this.#builds = options.builds;
    this.#records = options.store.collection('build-requests');
    for (const [tag, record] of this.#records.entries()) this.#needed.set(tag, keptOf(record));
  }

  async build(request: BuildRequest): Promise<Image> {
    if (namesOf(request).length === 0) return this.#builds.build(request);
    this.#building++;
    try {
      return await this.#build(request);
    } finally {
      this.#building--;
      await this.#release();
    }
  }

  async #build(request: BuildRequest): Promise<Image> {
    const watch = new BuildWatch();
    // Nobody who waits for the image waits for its context to be kept.
    const built = Promise.withResolvers<void>();
    built.promise.catch(() => undefined);
    let keeping: Promise<Map<string, Keeping>> | undefined;
    const building = this.#builds.build({
      ...request,
      onSource: (written, source) => {
        watch.source(written, source);
        request.onSource?.(written, source);
      },
      onMount: (mount) => watch.mount(mount),
      onReceived: async (folders) => {
        keeping = built.promise.then(() => this.#keep(folders));
        await keeping;
      },
    });
    building.then(() => built.resolve(), built.reject);
    const image = await building;
    await watch.settle(request);
    this.#put(watch.recordOf(request, image.id, new Map()));
    if (keeping !== undefined) this.#follow(keeping, (kept) => watch.recordOf(request, image.id, kept));
    return image;
  }

  verify(request: BuildRequest): ReturnType<Builds['verify']> {
    return this.#builds.verify(request);
  }

  check(request: BuildRequest): ReturnType<Builds['check']> {
    return this.#builds.check(request);
  }

  outline(request: BuildRequest): ReturnType<Builds['outline']> {
    return this.#builds.outline(request);
  }

  targets(request: BuildRequest): ReturnType<Builds['targets']> {
    return this.#builds.targets(request);
  }

  cancel(id: string): void {
    this.#builds.cancel(id);
  }

  cacheEntries(): ReturnType<Builds['cacheEntries']> {
    return this.#builds.cacheEntries();
  }

  prune(...limits: Parameters<Builds['prune']>): ReturnType<Builds['prune']> {
    return this.#builds.prune(...limits);
  }

  /** How the image that a tag stands for was built; undefined for one that was built otherwise since. */
  recordOf(tag: string, imageId: string, brought: BroughtSecrets = new Map()): BuildRecord | undefined {
    const record = this.#records.get(tag);
    if (record?.imageId !== imageId) return undefined;
    const { contexts, secrets } = this.#options;
    const lacks = [...record.lacks, ...secrets.lacks(record, brought)];
    if (!keptOf(record).every((id) => contexts.has(id)))
      lacks.push(
        'a context by a client, which was let go of since (bases.keep-contexts, or a disk that was full)',
      );
    return { ...record, lacks };
  }

  /** Builds it again; all its tags move. @throws as Builds.build; conflict `build-context-gone` */
  async repeat(
    record: BuildRecord,
    how: Pick<BuildRequest, 'noCache' | 'onProgress' | 'signal'> & { brought?: BroughtSecrets },
  ): Promise<Image> {
    const { context, contexts = {}, secrets = {}, tags } = record;
    const { brought = new Map(), ...asked } = how;
    if (context === undefined)
      throw conflict('build-context-gone', `the build context of ${tags.join(', ')} cannot be had again`);
    const opened: BuildContextSource[] = [];
    const open = async (place: ContextAgain): Promise<BuildContextSource> => {
      const source = await this.#source(place);
      opened.push(source);
      return source;
    };
    try {
      const named: Record<string, NamedContext> = {};
      for (const [name, place] of Object.entries(contexts))
        named[name] = 'image' in place ? place : await open(place);
      return await this.build({
        ...{ ...askedOf(record), ...asked, tags, contexts: named, secretSources: secrets },
        context: await open(context),
        secrets: (id) => this.#options.secrets.value(record, brought, id),
      });
    } finally {
      // No step may have asked for some of them.
      for (const source of opened) if ('tar' in source) source.tar.destroy();
    }
  }

  /** Puts the names of a build back to what they stood for. */
  restore(record: BuildRecord): void {
    this.#put(record);
  }

  /** Waits until the files of the builds that have ended are kept. */
  async settled(): Promise<void> {
    while (this.#keeping.size > 0) await Promise.all(this.#keeping);
  }

  keptContexts(): KeptContextView[] {
    return this.#options.contexts.list().map(({ id, size, used }) => ({
      ...{ id, size, used },
      names: [...this.#needed].flatMap(([tag, ids]) => (ids.includes(id) ? [tag] : [])),
    }));
  }

  async removeContexts(accepts: (id: string) => boolean): Promise<void> {
    await this.#options.contexts.remove(accepts);
  }

  /** Forgets those of images that are gone, or whose name stands for another image now. */
  async sweep(imageOf: (tag: string) => string | undefined): Promise<void> {
    for (const [tag, { imageId }] of this.#records.entries())
      if (imageOf(tag) !== imageId) {
        this.#records.delete(tag);
        this.#needed.delete(tag);
      }
    await this.#release();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the daemon stops'));
    await this.settled();
  }

  async #keep(folders: ReadonlyMap<string, string>): Promise<Map<string, Keeping>> {
    const kept = new Map<string, Keeping>();
    for (const [name, folder] of folders)
      kept.set(name, await this.#options.contexts.keep(folder, this.#stop.signal));
    return kept;
  }

  #follow(
    keeping: Promise<Map<string, Keeping>>,
    recordOf: (kept: Map<string, Keeping>) => BuildRecord,
  ): void {
    const following = this.#finish(keeping, recordOf).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#options.report('the context of a build could not be kept', error);
    });
    this.#keeping.add(following);
    void following.then(() => this.#keeping.delete(following));
  }

  async #finish(
    keeping: Promise<Map<string, Keeping>>,
    recordOf: (kept: Map<string, Keeping>) => BuildRecord,
  ): Promise<void> {
    this.#building++;
    try {
      this.#amend(recordOf(await keeping));
    } finally {
      this.#building--;
      await this.#release();
    }
  }

  /** Unless another build has moved its tags since. */
  #amend(record: BuildRecord): void {
    const tags = record.tags.filter((tag) => this.#records.get(tag)?.imageId === record.imageId);
    this.#put(record, tags);
  }

  #put(record: BuildRecord, tags: readonly string[] = record.tags): void {
    for (const tag of tags) {
      this.#records.put(tag, record);
      this.#needed.set(tag, keptOf(record));
    }
  }

  /** Of contexts that no record needs; those of builds under way get theirs soon. */
  async #release(): Promise<void> {
    if (this.#building > 0 || this.#stop.signal.aborted) return;
    const needed = new Set([...this.#needed.values()].flat());
    await this.#options.contexts.remove((id) => !needed.has(id));
  }

  async #source(place: ContextAgain): Promise<BuildContextSource> {
    return 'kept' in place ? { tar: await this.#options.contexts.open(place.kept) } : place;
  }
}
