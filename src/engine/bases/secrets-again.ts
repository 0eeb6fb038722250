import { keyText } from '#domain/secret/secret.ts';
import type { Secrets } from '#engine/contracts.ts';
import type { BuildRecord } from './build-record.ts';

/** Values that somebody brings for the builds of one refresh, by the ids of secrets. They are not kept. */
export type BroughtSecrets = ReadonlyMap<string, Uint8Array>;

/**
 * Has the secrets again that a build was given: those of an app from the store of secrets; those that a client brought when
 * somebody brings them again, or when the settings let builds have the machine's sealed secret of that name.
 */
export class SecretsAgain {
  readonly #secrets: Pick<Secrets, 'list' | 'value'>;
  readonly #allowed: readonly string[];

  /** @param allowed names of sealed secrets of the whole machine: whoever can send a build can read them by it */
  constructor(secrets: Pick<Secrets, 'list' | 'value'>, allowed: readonly string[]) {
    this.#secrets = secrets;
    this.#allowed = allowed;
  }

  /** What cannot be had again, for people. */
  lacks({ given = [] }: Pick<BuildRecord, 'given'>, brought: BroughtSecrets): string[] {
    return given.flatMap((id) => {
      if (brought.has(id) || this.#sealed(id) !== undefined) return [];
      const remedy = this.#allowed.includes(id)
        ? `bases.secrets lets builds have it, but nobody set it: berth secret set ${id}`
        : `berth base refresh --secret id=${id},src=FILE gives it again, as bases.secrets can`;
      return [`the secret '${id}', which is not kept (${remedy})`];
    });
  }

  /** Of the store's secrets the newest versions, as `berth up` would give. @throws as `Secrets.value` */
  async value(
    { given = [], secrets = {} }: Pick<BuildRecord, 'given' | 'secrets'>,
    brought: BroughtSecrets,
    id: string,
  ): Promise<Buffer | undefined> {
    const known = given.includes(id) ? brought.get(id) : undefined;
    if (known !== undefined) return Buffer.from(known);
    const stored = Object.hasOwn(secrets, id) ? secrets[id] : undefined;
    const version = stored === undefined ? 0 : this.#newest(stored.key);
    if (stored !== undefined)
      return Buffer.from(await this.#secrets.value(version === 0 ? stored : { ...stored, version }));
    const sealed = given.includes(id) ? this.#sealed(id) : undefined;
    return sealed && Buffer.from(await this.#secrets.value(sealed));
  }

  #sealed(id: string): { key: string; version: number } | undefined {
    if (!this.#allowed.includes(id)) return undefined;
    const key = keyText({ noun: 'secret', app: '', name: id });
    const version = this.#newest(key);
    return version === 0 ? undefined : { key, version };
  }

  /** 0: its value is gone, or was never there. */
  #newest(key: string): number {
    return this.#secrets.list().find((view) => keyText(view) === key)?.version ?? 0;
  }
}
