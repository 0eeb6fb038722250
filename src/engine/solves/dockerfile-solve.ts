import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Descriptor } from '#domain/image/manifest.ts';
import type {
  BuildContextSource,
  BuildOutput,
  BuildRequest,
  Choice,
  Exported,
  FrontendRequest,
  VertexEvent,
} from '#engine/contracts.ts';
import { entitlementsOf, readOptions, type FrontendOptions } from '#engine/solves/attributes.ts';
import { cacheSourcesOf, cacheTargetsOf, foldersOf } from '#engine/solves/caches.ts';
import { annotationsOf, outputsOf } from '#engine/solves/exporters.ts';
import { readInputs, type ImageSource, type InputParts } from '#engine/solves/inputs.ts';
import type { Job } from '#engine/solves/job.ts';
import type { Narrator } from '#engine/solves/narration.ts';
import type { SolveParts } from '#engine/solves/solves.ts';
import type { BuildSession } from '#ports/build-sessions.ts';
import { own } from '#base/own.ts';

/** The steps have run for this result. */
const fromCache = { noCache: false, noCacheFor: [] };

/** A context without files. */
const nothing: BuildContextSource = { fill: () => Promise.resolve() };

/** One request for the Dockerfile frontend on behalf of a job; its result is made when it is first wanted. */
export class DockerfileSolve {
  readonly #parts: SolveParts;
  readonly #job: Job;
  readonly #asked: FrontendRequest;
  readonly #options: FrontendOptions;
  readonly #session: BuildSession;
  readonly #images: ImageSource;
  readonly #signal: AbortSignal;
  readonly #narrator: Narrator;
  /** What was built first: whatever is built later takes from the cache what this has made. */
  #first: Promise<Image> | undefined;
  #exported: Exported | undefined;
  /** Of the cache that went into a folder of the client. */
  #cacheManifest: Descriptor | undefined;

  constructor(
    parts: SolveParts,
    job: Job,
    request: FrontendRequest,
    from: { session: BuildSession; images: ImageSource; signal: AbortSignal },
  ) {
    this.#parts = parts;
    this.#job = job;
    this.#asked = request;
    this.#options = readOptions(request.attributes);
    this.#session = from.session;
    this.#images = from.images;
    this.#signal = from.signal;
    this.#narrator = { now: () => parts.clock.now(), tell: (event) => job.tell(event) };
  }

  get isSubrequest(): boolean {
    return this.#options.subrequest !== undefined;
  }

  /** What a subrequest such as `frontend.lint` asks for: the Dockerfile is read, and nothing else of the client. */
  async answer(): Promise<Record<string, string>> {
    // Loaded when somebody asks: most builds are builds.
    const { answerSubrequest } = await import('#engine/solves/subrequests.ts');
    const request = await this.#request();
    const context = request.dockerfileText === undefined ? request.context : nothing;
    return answerSubrequest(this.#parts.builds, this.#options.subrequest ?? '', { ...request, context });
  }

  /** Builds and exports. Gives what the client wants to know of the result. */
  async export(): Promise<Record<string, string>> {
    const { exporters } = this.#job.request;
    const outputs = outputsOf(exporters, this.#session, this.#signal);
    const image = await this.#make(outputs);
    return this.#describe(image, outputs);
  }

  /** Builds without exporting. */
  async evaluate(): Promise<void> {
    await this.#make([]);
  }

  /** What another solve begins with or copies from: the image of a platform (`linux/amd64`) where there are several. */
  async image(platform: string): Promise<Image> {
    if ((this.#options.settings.platforms ?? []).length < 2) return this.#make([]);
    await this.#first;
    return this.#build([], { ...fromCache, platforms: platform === '' ? [] : [platform] });
  }

  async #make(outputs: BuildOutput[]): Promise<Image> {
    if (this.#first === undefined) return (this.#first = this.#build(outputs));
    const image = await this.#first;
    return outputs.length === 0 ? image : this.#build(outputs, fromCache);
  }

  async #build(outputs: BuildOutput[], changes: Partial<BuildRequest> = {}): Promise<Image> {
    const { entitlements, cacheFrom, cacheTo, exporters } = this.#job.request;
    const allow = entitlementsOf(entitlements);
    const folders = foldersOf(this.#session, this.#signal, (manifest) => {
      this.#cacheManifest = manifest;
    });
    const targets = cacheTargetsOf(cacheTo, folders);
    // The way of before `--cache-to type=inline`.
    if (this.#options.settings.buildArgs['BUILDKIT_INLINE_CACHE'] === '1') targets.push({ kind: 'inline' });
    const sources = await cacheSourcesOf(this.#caches(cacheFrom), folders, this.#narrator);
    return this.#parts.builds.build({
      ...(await this.#request()),
      ...{ ...changes, outputs },
      ...(outputs.length > 0 && { annotations: annotationsOf(exporters) }),
      onExported: (exported) => {
        this.#exported = exported;
        this.#job.attested = exported.attested.map(withoutBills);
      },
      allow,
      ...(sources.length > 0 && { cacheFrom: sources }),
      ...(targets.length > 0 && { cacheTo: targets }),
    });
  }

  async #request(): Promise<BuildRequest> {
    const parts: InputParts = {
      trees: this.#parts.trees,
      session: this.#session,
      sessionOf: (folder) => this.#sessionOf(folder),
      ...{ inputs: this.#asked.inputs, images: this.#images },
      ...(this.#job.request.archive !== undefined && { archive: this.#job.request.archive }),
      narrator: this.#narrator,
      signal: this.#signal,
    };
    const { resources } = this.#job.request;
    const { settings } = this.#options;
    return {
      ...settings,
      ...(resources !== undefined && { resources: { ...settings.resources, ...resources } }),
      ...(await readInputs(parts, this.#options)),
      tags: [],
      onProgress: () => undefined,
      onVertex: (event) => (isToldHere(event) ? undefined : this.#job.tell(event)),
      signal: this.#signal,
    };
  }

  async #sessionOf(folder: string): Promise<BuildSession> {
    const id = own(this.#options.sessions, folder);
    return id === undefined ? this.#session : this.#parts.sessions.get(id, this.#signal);
  }

  /** Clients name the same caches in several places. */
  #caches(ofJob: readonly Choice[]): Choice[] {
    const all = [...ofJob, ...this.#asked.cacheFrom, ...this.#options.cacheFrom];
    return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
  }

  async #describe(image: Image, outputs: readonly BuildOutput[]): Promise<Record<string, string>> {
    const descriptor = this.#exported?.target ?? (await this.#parts.images.manifestOf(image.id));
    const names = outputs.flatMap((output) => ('names' in output ? output.names : []));
    return {
      'containerimage.config.digest': image.id,
      'containerimage.digest': descriptor.digest,
      'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64'),
      ...(this.#cacheManifest !== undefined && { 'cache.manifest': JSON.stringify(this.#cacheManifest) }),
      ...(names.length > 0 && {
        'image.name': names.map((name) => formatReference(parseReference(name))).join(','),
      }),
    };
  }
}

/** Bills of materials may be long, and clients read only the provenance of a record. */
function withoutBills({ platform, predicates }: Exported['attested'][number]): Exported['attested'][number] {
  return { platform, predicates: predicates.filter(({ type }) => type.startsWith(provenancePrefix)) };
}

const provenancePrefix = 'https://slsa.dev/provenance/';

/** What `inputs.ts` tells of, which knows how much comes from the client. */
function isToldHere(event: VertexEvent): boolean {
  return event.kind === 'vertex' && event.vertex.name === '[internal] load build context';
}
