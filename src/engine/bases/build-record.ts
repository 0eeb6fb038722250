import type { Image } from '#domain/image/image.ts';
import { formatReference, parseReference } from '#domain/image/reference.ts';
import type { Mount } from '#domain/dockerfile/mount.ts';
import type { SecretReference } from '#domain/secret/secret.ts';
import type { BuildRequest, NamedContext } from '#engine/contracts.ts';
import type { Keeping } from './kept-contexts.ts';

/** Where the files of a context can be had again; `kept`: from `KeptContexts`. */
export type ContextAgain = { folder: string } | { remote: string } | { kept: string };

/** What of a request is the same the next time. */
type Asked = Pick<
  BuildRequest,
  | 'dockerfile'
  | 'dockerfileText'
  | 'ignoreText'
  | 'buildArgs'
  | 'labels'
  | 'target'
  | 'platform'
  | 'platforms'
  | 'attest'
  | 'annotations'
  | 'networkMode'
  | 'extraHosts'
  | 'resources'
  | 'allow'
  | 'sourceDateEpoch'
>;

/** How an image was built. Never a secret. */
export interface BuildRecord extends Asked {
  /** Absent: it cannot be had again. */
  context?: ContextAgain;
  /** Those that the build opened. */
  contexts?: Record<string, ContextAgain | { image: string }>;
  /** Secrets that its steps mount and that the store of secrets has, by their ids. */
  secrets?: Record<string, SecretReference>;
  /** Ids of those that its steps mount and that came from elsewhere. */
  given?: string[];
  /** Fully qualified. */
  tags: string[];
  imageId: string;
  /** The images that its stages began with or copied from, by their names (fully qualified; none by digest). */
  sources: { name: string; imageId: string }[];
  /** Those that were named by a digest: a refresh finds the same ones again. */
  pinned?: { name: string; imageId: string }[];
  /** What it was given that cannot be had again, for people: `the secret 'npm'`. */
  lacks: string[];
}

/** Notes what a build takes while it goes on. */
export class BuildWatch {
  readonly #sources = new Map<string, Image>();
  readonly #secrets = new Set<string>();
  readonly #agents = new Set<string>();

  source(written: string, image: Image): void {
    this.#sources.set(written, image);
  }

  mount(mount: Mount): void {
    if (mount.type === 'secret') this.#secrets.add(mount.id);
    if (mount.type === 'ssh') this.#agents.add(mount.id);
  }

  /** A step may do without what it mounts: what the client has not got is not missed the next time either. */
  async settle({ secrets, ssh }: BuildRequest): Promise<void> {
    for (const id of this.#secrets) if (!(await isGiven(() => secrets?.(id)))) this.#secrets.delete(id);
    for (const id of this.#agents) if (!(await isGiven(() => ssh?.has(id)))) this.#agents.delete(id);
  }

  /** @param kept of the contexts that came from elsewhere, by name; '' is the main one */
  recordOf(request: BuildRequest, imageId: string, kept: ReadonlyMap<string, Keeping>): BuildRecord {
    const lacks: string[] = [];
    const context = this.#context(request.context, kept.get(''), 'the context', lacks);
    const contexts = this.#contexts(request, kept, lacks);
    const { secrets, given } = this.#secretsOf(request);
    if (this.#agents.size > 0) lacks.push('keys of an SSH agent');
    return {
      ...askedOf(request),
      imageId,
      tags: namesOf(request).map((tag) => formatReference(parseReference(tag))),
      ...this.#origins(request),
      ...(context !== undefined && !('image' in context) && { context }),
      ...(Object.keys(contexts).length > 0 && { contexts }),
      ...(Object.keys(secrets).length > 0 && { secrets }),
      ...(given.length > 0 && { given }),
      lacks,
    };
  }

  #origins({ contexts = {} }: BuildRequest): Pick<BuildRecord, 'sources' | 'pinned'> {
    const given = new Set(Object.values(contexts).flatMap((each) => ('image' in each ? [each.image] : [])));
    const sources = new Map<string, string>();
    const pinned = new Map<string, string>();
    for (const [written, image] of this.#sources) {
      // An id that a Dockerfile names is meant; one in a context stands for a name that was not at hand.
      const name = isId(written) && given.has(written) ? image.tags[0] : written;
      if (name === undefined) continue;
      const reference = isId(name) ? undefined : parseReference(name);
      if (reference === undefined) pinned.set(name, image.id);
      else (reference.digest === undefined ? sources : pinned).set(formatReference(reference), image.id);
    }
    const listed = (all: ReadonlyMap<string, string>): BuildRecord['sources'] =>
      [...all].map(([name, imageId]) => ({ name, imageId }));
    return { sources: listed(sources), pinned: listed(pinned) };
  }

  #contexts(
    { contexts = {} }: BuildRequest,
    kept: ReadonlyMap<string, Keeping>,
    lacks: string[],
  ): NonNullable<BuildRecord['contexts']> {
    const again: NonNullable<BuildRecord['contexts']> = {};
    for (const [name, source] of Object.entries(contexts)) {
      // One that no step opened is not needed.
      const isOpened = 'image' in source || 'folder' in source || kept.has(name);
      const found = isOpened && this.#context(source, kept.get(name), `the context '${name}'`, lacks);
      if (found !== false && found !== undefined) again[name] = found;
    }
    return again;
  }

  #context(
    source: NamedContext,
    kept: Keeping | undefined,
    words: string,
    lacks: string[],
  ): ContextAgain | { image: string } | undefined {
    if ('folder' in source) return { folder: source.folder };
    if ('image' in source) return { image: this.#named(source.image) };
    if ('remote' in source && isOpen(source.remote)) return { remote: source.remote };
    if (kept !== undefined && 'kept' in kept) return { kept: kept.kept };
    lacks.push(`${words} by a client, which was not kept: ${kept?.reason ?? 'the daemon ended too soon'}`);
    return undefined;
  }

  /** An id is of today; a name can be had anew. */
  #named(image: string): string {
    if (!isId(image)) return image;
    return this.#sources.get(image)?.tags[0] ?? image;
  }

  #secretsOf({ secretSources = {} }: BuildRequest): Required<Pick<BuildRecord, 'secrets' | 'given'>> {
    const [secrets, given]: [Record<string, SecretReference>, string[]] = [{}, []];
    for (const id of [...this.#secrets].sort()) {
      const reference = Object.hasOwn(secretSources, id) ? secretSources[id] : undefined;
      if (reference === undefined) given.push(id);
      else secrets[id] = reference;
    }
    return { secrets, given };
  }
}

/** Also where the client is gone and cannot tell. */
async function isGiven(ask: () => Promise<unknown> | undefined): Promise<boolean> {
  try {
    const answer = await ask();
    return answer !== undefined && answer !== false;
  } catch {
    return true;
  }
}

export function askedOf(request: Asked): Asked {
  const { buildArgs, labels, dockerfile, dockerfileText, ignoreText, target, platform, platforms, attest } =
    request;
  const { annotations, networkMode, extraHosts, resources, allow, sourceDateEpoch } = request;
  return {
    ...{ buildArgs, labels },
    ...(dockerfile !== undefined && { dockerfile }),
    ...(dockerfileText !== undefined && { dockerfileText }),
    ...(ignoreText !== undefined && { ignoreText }),
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
    ...(platforms !== undefined && { platforms }),
    ...(attest !== undefined && { attest }),
    ...(annotations !== undefined && { annotations }),
    ...(networkMode !== undefined && { networkMode }),
    ...(extraHosts !== undefined && { extraHosts }),
    ...(resources !== undefined && { resources }),
    ...(allow !== undefined && { allow }),
    ...(sourceDateEpoch !== undefined && { sourceDateEpoch }),
  };
}

/** All names that the result gets in this engine. */
export function namesOf({ tags, outputs = [] }: BuildRequest): string[] {
  return [...tags, ...outputs.flatMap((output) => ('names' in output ? output.names : []))];
}

/** The kept contexts that a record needs. */
export function keptOf({ context, contexts = {} }: BuildRecord): string[] {
  return [context, ...Object.values(contexts)].flatMap((each) =>
    each !== undefined && 'kept' in each ? [each.kept] : [],
  );
}

const isId = (name: string): boolean => /^sha256:[0-9a-f]{64}$/.test(name);

/** A password or token in a URL is not kept, so neither is the URL. */
function isOpen(remote: string): boolean {
  return !/^(?:https?:\/\/[^/]*@|[a-z+]+:\/\/[^/]*:[^/]*@)/i.test(remote);
}
