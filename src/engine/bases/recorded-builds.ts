import { conflict } from '#base/errors.ts';
import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { BuildRequest, Builds } from '#engine/contracts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** How an image was built. Never a secret. */
export interface BuildRecord extends Pick<
  BuildRequest,
  | 'dockerfile'
  | 'dockerfileText'
  | 'ignoreText'
  | 'buildArgs'
  | 'labels'
  | 'target'
  | 'platform'
  | 'networkMode'
  | 'extraHosts'
  | 'resources'
  | 'allow'
  | 'sourceDateEpoch'
> {
  /** Absent: it cannot be had again. */
  context?: { folder: string } | { remote: string };
  /** Fully qualified. */
  tags: string[];
  imageId: string;
  /** The images that its stages began with or copied from, by their names (fully qualified; none by digest). */
  sources: { name: string; imageId: string }[];
  /** What it was given that is not kept, for people: `secrets`. */
  lacks: string[];
}

/** Builds, remembering how they were asked for. */
export class RecordedBuilds implements Builds {
  readonly #builds: Builds;
  readonly #records: Collection<BuildRecord>;

  constructor(builds: Builds, store: Pick<StateStore, 'collection'>) {
    this.#builds = builds;
    this.#records = store.collection('build-requests');
  }

  async build(request: BuildRequest): Promise<Image> {
    const sources = new Map<string, string>();
    const onSource = (written: string, source: Image): void => {
      const reference = parseReference(written);
      if (reference.digest === undefined) sources.set(formatReference(reference), source.id);
      request.onSource?.(written, source);
    };
    const image = await this.#builds.build({ ...request, onSource });
    const record = recordOf(request, image.id, sources);
    for (const tag of record.tags) this.#records.put(tag, record);
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
  recordOf(tag: string, imageId: string): BuildRecord | undefined {
    const record = this.#records.get(tag);
    return record?.imageId === imageId ? record : undefined;
  }

  /** Builds it again; all its tags move. @throws as Builds.build; conflict `build-context-gone` */
  repeat(
    { context, imageId: _before, lacks: _lacks, sources: _sources, ...asked }: BuildRecord,
    how: Pick<BuildRequest, 'noCache' | 'onProgress' | 'signal'>,
  ): Promise<Image> {
    if (context === undefined)
      throw conflict(
        'build-context-gone',
        `the build context of ${asked.tags.join(', ')} cannot be had again`,
      );
    return this.build({ ...asked, ...how, context });
  }

  /** Forgets those of images that are gone. */
  sweep(isThere: (imageId: string) => boolean): void {
    for (const [tag, { imageId }] of this.#records.entries())
      if (!isThere(imageId)) this.#records.delete(tag);
  }
}

function recordOf(request: BuildRequest, imageId: string, sources: ReadonlyMap<string, string>): BuildRecord {
  const { context, dockerfile, dockerfileText, ignoreText, target, platform, networkMode } = request;
  const { extraHosts, resources, allow, sourceDateEpoch } = request;
  const again = contextAgain(context);
  return {
    imageId,
    sources: [...sources].map(([name, id]) => ({ name, imageId: id })),
    tags: namesOf(request).map((tag) => formatReference(parseReference(tag))),
    buildArgs: request.buildArgs,
    labels: request.labels,
    ...(again === undefined ? {} : { context: again }),
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...(dockerfileText === undefined ? {} : { dockerfileText }),
    ...(ignoreText === undefined ? {} : { ignoreText }),
    ...(target === undefined ? {} : { target }),
    ...(platform === undefined ? {} : { platform }),
    ...(networkMode === undefined ? {} : { networkMode }),
    ...(extraHosts === undefined ? {} : { extraHosts }),
    ...(resources === undefined ? {} : { resources }),
    ...(allow === undefined ? {} : { allow }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    lacks: lacksOf(request, again !== undefined),
  };
}

/** All names that the result got in this engine. */
function namesOf({ tags, outputs = [] }: BuildRequest): string[] {
  return [...tags, ...outputs.flatMap((output) => (output.kind === 'image' ? output.names : []))];
}

/** A password or token in a URL is not kept, so neither is the URL. */
function contextAgain(context: BuildRequest['context']): BuildRecord['context'] {
  if ('folder' in context) return { folder: context.folder };
  const isOpen =
    'remote' in context && !/^(?:https?:\/\/[^/]*@|[a-z+]+:\/\/[^/]*:[^/]*@)/i.test(context.remote);
  if (isOpen) return { remote: context.remote };
  return undefined;
}

/** A client that sends the context offers the rest, too, whether or not the build wants it. */
function lacksOf(
  { context, secrets, ssh, contexts, platforms }: BuildRequest,
  hasContext: boolean,
): string[] {
  if (!hasContext) return ['remote' in context ? 'a secret in its URL' : 'a context by a client'];
  return [
    ...(secrets === undefined ? [] : ['secrets']),
    ...(ssh === undefined ? [] : ['keys of an SSH agent']),
    ...(contexts === undefined || Object.keys(contexts).length === 0 ? [] : ['named contexts']),
    ...(platforms === undefined || platforms.length < 2 ? [] : ['several platforms']),
  ];
}
