import { notFound } from '#base/errors.ts';
import {
  checkMirror,
  mirroredName,
  upstreamOf,
  type Mirror,
  type UpstreamName,
} from '#domain/registry/mirror.ts';
import type { Credentials } from '#ports/registry-client.ts';
import type { Collection, StateStore } from '#ports/state-store.ts';

export interface MirrorParts {
  store: StateStore;
  secretValue: (name: string) => Promise<Uint8Array>;
}

/** What other registries are served through this one. */
export class Mirrors {
  readonly #secretValue: MirrorParts['secretValue'];
  readonly #stored: Collection<Mirror>;
  readonly #mirrors: Map<string, Mirror>;

  constructor({ store, secretValue }: MirrorParts) {
    this.#secretValue = secretValue;
    this.#stored = store.collection<Mirror>('registry-mirrors');
    this.#mirrors = new Map(this.#stored.entries());
  }

  list(): Mirror[] {
    return [...this.#mirrors.values()];
  }

  /** Adds a mirror, or changes the one with the same prefix. @throws invalid `registry-mirror-invalid` */
  set(mirror: Mirror): Mirror {
    const checked = checkMirror(mirror);
    this.#stored.put(checked.prefix, checked);
    this.#mirrors.set(checked.prefix, checked);
    return checked;
  }

  /** What it fetched stays as an ordinary repository. @throws not-found `registry-mirror-missing` */
  remove(prefix: string): void {
    if (!this.#mirrors.delete(prefix))
      throw notFound('registry-mirror-missing', `there is no mirror '${prefix}'`, {
        hint: 'berth registry mirrors ls',
      });
    this.#stored.delete(prefix);
  }

  secretsInUse(): { secret: string; holder: string }[] {
    return this.list().flatMap(({ prefix, secret }) =>
      secret === undefined ? [] : [{ secret, holder: `the registry's mirror ${prefix}` }],
    );
  }

  /** Where a repository's content comes from; undefined for one of our own. */
  upstream(repository: string): UpstreamName | undefined {
    return this.#mirrors.size === 0 ? undefined : upstreamOf(this.list(), repository);
  }

  /** @throws not-found `registry-name-unknown` for one of our own */
  named(repository: string): UpstreamName {
    const name = this.upstream(repository);
    if (name !== undefined) return name;
    throw notFound('registry-name-unknown', `there is no repository '${repository}'`);
  }

  /** The name here of a repository of another registry. */
  nameOf(registry: string, repository: string): string | undefined {
    return mirroredName(this.list(), registry, repository);
  }

  async credentials({ secret }: Mirror): Promise<Credentials | undefined> {
    if (secret === undefined) return undefined;
    const text = Buffer.from(await this.#secretValue(secret))
      .toString('utf8')
      .trim();
    const at = text.indexOf(':');
    return { username: text.slice(0, at), password: text.slice(at + 1) };
  }
}
