import { invalid } from '#base/errors.ts';
import { own } from '#base/own.ts';
import type { AppConfig, AppModel, AppSecret, Service } from '#domain/app/model.ts';
import { secretsOf } from '#domain/ingress/routes.ts';
import type { SecretProvider } from '#domain/secret/provider.ts';
import { keyText, type SecretKey, type SecretOrigin, type SecretReference } from '#domain/secret/secret.ts';
import type { Secrets } from '#engine/contracts.ts';
import type { ProjectFiles } from '#ports/project-files.ts';
import type { SecretProviders } from '#ports/secret-providers.ts';

export interface GrantingParts {
  secrets: Pick<Secrets, 'put' | 'foresee' | 'latest' | 'value'>;
  files: Pick<ProjectFiles, 'readBytes'>;
  providers: SecretProviders;
}

/** What compose files give an app beside its model. */
export interface GivenValues {
  /** By key of `secrets`, of those that variables hold. */
  secretValues: ReadonlyMap<string, string>;
}

type Defined = AppSecret | AppConfig;

/** A value with where it came from, or the version of one that is in the store. */
type Found = { origin: SecretOrigin; value: Uint8Array } | { reference: SecretReference };

/** What becomes of a value that is new: it is kept, or only its version is foreseen. */
type Keep = (key: SecretKey, found: { origin: SecretOrigin; value: Uint8Array }) => Promise<number>;

/** Gives the secrets and configs of apps their versions, so that no model, target or revision has a value. */
export class Granting {
  readonly #parts: GrantingParts;

  constructor(parts: GrantingParts) {
    this.#parts = parts;
  }

  /**
   * The model with the version of every secret and config that a service gets; new values are kept.
   * @param by who brings them
   * @param hold is told each version before the next value is read
   * @throws invalid `secret-missing`, `secret-file-missing`, `secret-source-unknown`; unavailable
   *   `secret-provider-failed`; as Secrets.put
   */
  keep(
    model: AppModel,
    given: GivenValues,
    by: string,
    hold: (reference: SecretReference) => void,
  ): Promise<AppModel> {
    return this.#granted(model, given, async (key, { origin, value }) => {
      const { version } = await this.#parts.secrets.put(key, value, { by, origin });
      hold({ key: keyText(key), version });
      return version;
    });
  }

  /** The model that `keep` would give; nothing is kept. @param tell is told each version's value @throws as `keep` */
  foresee(
    model: AppModel,
    given: GivenValues,
    tell: (reference: SecretReference, value: Uint8Array) => void = () => undefined,
  ): Promise<AppModel> {
    return this.#granted(model, given, async (key, { value }) => {
      const version = await this.#parts.secrets.foresee(key, value);
      tell({ key: keyText(key), version }, value);
      return version;
    });
  }

  /** The model with the newest versions of what it has from the store itself. @throws invalid `secret-missing` */
  refreshed(model: AppModel): AppModel {
    const again = <T extends Defined>(key: string, one: T): T =>
      one.stored === undefined || one.from.kind !== 'external' || isProvided(model, key)
        ? one
        : { ...one, stored: this.#external(model.name, one.name) };
    return {
      ...model,
      secrets: mapped(model.secrets, again),
      configs: mapped(model.configs, (_key, one) => again('', one)),
    };
  }

  /** All values are read before the first is kept: what is missing leaves nothing behind. */
  async #granted(model: AppModel, given: GivenValues, keep: Keep): Promise<AppModel> {
    const services = Object.values(model.services);
    const found: { noun: SecretKey['noun']; key: string; value: Found }[] = [];
    for (const [key, one] of usedOf(services, 'secrets', model.secrets))
      found.push({ noun: 'secret', key, value: await this.#secret(model, key, one, given) });
    for (const [key, one] of usedOf(services, 'configs', model.configs))
      found.push({ noun: 'config', key, value: await this.#config(model, key, one) });
    const versions = new Map<string, SecretReference>();
    for (const { noun, key, value } of found)
      versions.set(`${noun} ${key}`, await stored({ noun, app: model.name, name: key }, value, keep));
    const versioned = <T extends Defined>(noun: string, key: string, one: T): T => {
      const version = versions.get(`${noun} ${key}`);
      return version === undefined ? one : { ...one, stored: version };
    };
    return {
      ...model,
      secrets: mapped(model.secrets, (key, one) => versioned('secret', key, one)),
      configs: mapped(model.configs, (key, one) => ({
        ...versioned('config', key, one),
        from: withoutContent(one.from),
      })),
    };
  }

  async #secret(model: AppModel, key: string, { name, from }: AppSecret, given: GivenValues): Promise<Found> {
    const provider = own(model.secretRules ?? {}, key)?.provider;
    if (provider !== undefined)
      return { origin: 'provider', value: await this.#provided(model.name, `secret '${key}'`, provider) };
    if (from.kind === 'external') return { reference: this.#external(model.name, name) };
    if (from.kind === 'file')
      return { origin: 'file', value: await this.#file(`secret '${key}'`, from.path) };
    if (from.kind === 'environment')
      return { origin: 'environment', value: Buffer.from(given.secretValues.get(key) ?? '') };
    throw invalid(
      'secret-source-unknown',
      `the secret '${key}' has the driver '${from.driver}': Berth calls no drivers of secrets`,
      { hint: 'x-berth.secrets can name a provider' },
    );
  }

  async #config(model: AppModel, key: string, { name, from }: AppConfig): Promise<Found> {
    if (from.kind === 'external') return { reference: this.#external(model.name, name) };
    if (from.kind === 'file')
      return { origin: 'file', value: await this.#file(`config '${key}'`, from.path) };
    return { origin: 'content', value: Buffer.from(from.content ?? '') };
  }

  /** The app's own goes before the machine's. */
  #external(app: string, name: string): SecretReference {
    for (const key of [
      { noun: 'secret', app, name },
      { noun: 'secret', app: '', name },
    ] as const) {
      const version = this.#parts.secrets.latest(key);
      if (version !== undefined) return { key: keyText(key), version };
    }
    throw invalid(
      'secret-missing',
      `the app ${app} needs the external secret '${name}', which is not in Berth's store`,
      {
        hint: `berth secret set ${name} --app ${app} puts it there`,
      },
    );
  }

  async #file(what: string, path: string): Promise<Uint8Array> {
    const value = await this.#parts.files.readBytes(path);
    if (value !== undefined) return value;
    throw invalid('secret-file-missing', `the ${what} is made of the file '${path}', which does not exist`);
  }

  async #provided(app: string, what: string, provider: SecretProvider): Promise<Uint8Array> {
    const { providers, secrets } = this.#parts;
    if (provider.kind === 'file') return this.#file(what, provider.path);
    if (provider.kind === 'exec') return providers.exec(provider);
    const token = await secrets.value(this.#external(app, provider.token));
    return providers.vault(provider, Buffer.from(token).toString().trim());
  }
}

async function stored(key: SecretKey, found: Found, keep: Keep): Promise<SecretReference> {
  if ('reference' in found) return found.reference;
  return { key: keyText(key), version: await keep(key, found) };
}

/** Of what services get, in the order of the file. */
function usedOf<T>(
  services: readonly Service[],
  kind: 'secrets' | 'configs',
  defined: Readonly<Record<string, T>>,
): [string, T][] {
  const used = new Set(
    services.flatMap((service) => [
      ...service[kind].map(({ source }) => source),
      ...(kind === 'secrets' ? [...ingressSecrets(service), ...buildSecrets(service)] : []),
    ]),
  );
  return Object.entries(defined).filter(([key]) => used.has(key));
}

function ingressSecrets({ ingress = [] }: Service): string[] {
  return ingress.flatMap(secretsOf);
}

function buildSecrets({ build }: Service): string[] {
  return (build?.more?.secrets ?? []).map(({ source }) => source);
}

function isProvided(model: AppModel, key: string): boolean {
  return own(model.secretRules ?? {}, key)?.provider !== undefined;
}

/** Contents are in the store, and nowhere else. */
function withoutContent(from: AppConfig['from']): AppConfig['from'] {
  return from.kind === 'content' ? { kind: 'content' } : from;
}

function mapped<T>(
  record: Readonly<Record<string, T>>,
  change: (key: string, one: T) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, one]) => [key, change(key, one)]));
}
