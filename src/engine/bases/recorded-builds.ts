import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { BuildRequest, Builds } from '#engine/contracts.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

/** What a build can be repeated from. Never a secret. */
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
> {
  folder: string;
  /** Fully qualified. */
  tags: string[];
  imageId: string;
  /** The images that its stages began with or copied from, by their names (fully qualified; none by digest). */
  sources: { name: string; imageId: string }[];
  /** What it was given that is not kept, for people: `secrets`. */
  lacks: string[];
}

/** Builds, remembering how those from folders of this machine were asked for. */
export class RecordedBuilds implements Pick<Builds, 'build'> {
  readonly #builds: Pick<Builds, 'build'>;
  readonly #records: Collection<BuildRecord>;

  constructor(builds: Pick<Builds, 'build'>, store: Pick<StateStore, 'collection'>) {
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
    for (const tag of record?.tags ?? []) if (record !== undefined) this.#records.put(tag, record);
    return image;
  }

  /** How the image that a tag stands for was built; undefined for one that was built otherwise since. */
  recordOf(tag: string, imageId: string): BuildRecord | undefined {
    const record = this.#records.get(tag);
    return record?.imageId === imageId ? record : undefined;
  }

  /** Builds it again; all its tags move. @throws as Builds.build */
  repeat(
    { folder, imageId: _before, lacks: _lacks, sources: _sources, ...asked }: BuildRecord,
    how: Pick<BuildRequest, 'noCache' | 'onProgress' | 'signal'>,
  ): Promise<Image> {
    return this.build({ ...asked, ...how, context: { folder } });
  }

  /** Forgets those of images that are gone. */
  sweep(isThere: (imageId: string) => boolean): void {
    for (const [tag, { imageId }] of this.#records.entries())
      if (!isThere(imageId)) this.#records.delete(tag);
  }
}

function recordOf(
  request: BuildRequest,
  imageId: string,
  sources: ReadonlyMap<string, string>,
): BuildRecord | undefined {
  const { context } = request;
  if (!('folder' in context)) return undefined;
  const { dockerfile, dockerfileText, ignoreText, target, platform, networkMode, extraHosts, resources } =
    request;
  return {
    folder: context.folder,
    imageId,
    sources: [...sources].map(([name, id]) => ({ name, imageId: id })),
    tags: request.tags.map((tag) => formatReference(parseReference(tag))),
    buildArgs: request.buildArgs,
    labels: request.labels,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...(dockerfileText === undefined ? {} : { dockerfileText }),
    ...(ignoreText === undefined ? {} : { ignoreText }),
    ...(target === undefined ? {} : { target }),
    ...(platform === undefined ? {} : { platform }),
    ...(networkMode === undefined ? {} : { networkMode }),
    ...(extraHosts === undefined ? {} : { extraHosts }),
    ...(resources === undefined ? {} : { resources }),
    lacks: [
      ...(request.secrets === undefined ? [] : ['secrets']),
      ...(request.ssh === undefined ? [] : ['keys of an SSH agent']),
      ...(request.contexts === undefined ? [] : ['named contexts']),
    ],
  };
}
