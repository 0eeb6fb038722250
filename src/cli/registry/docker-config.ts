import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { invalid, systemCode } from '#base/errors.ts';
import type { RegistryCredentials } from '#api/types/registries.ts';
import { CredentialHelper } from './credential-helper.ts';
import { keyOf, registryOf } from './server-names.ts';

interface Entry extends RegistryCredentials {
  /** Base64 of `NAME:PASSWORD`. */
  auth?: string;
}

interface Content {
  auths?: Record<string, Entry>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

/** The file that Docker's clients keep credentials in, and the helpers that it names. What else it holds stays. */
export class DockerConfig {
  readonly path: string;
  readonly #content: Content;

  private constructor(path: string, content: Content) {
    this.path = path;
    this.#content = content;
  }

  /** `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. @throws invalid `docker-config-invalid` */
  static async read(environment: Readonly<Record<string, string | undefined>>): Promise<DockerConfig> {
    const home = environment['HOME'] ?? homedir();
    const path = join(environment['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json');
    return new DockerConfig(path, await contentOf(path));
  }

  /** @param registry `docker.io`, `localhost:5000`. @throws as CredentialHelper */
  async get(registry: string): Promise<RegistryCredentials | undefined> {
    const helper = this.#helperOf(registry);
    if (helper !== undefined) {
      const found = await helper.get(keyOf(registry));
      if (found !== undefined) return found;
    }
    return this.#inFile(registry);
  }

  /** Of every registry that is known, by its name. A helper that fails is passed to `onFailure`, and left out. */
  async all(onFailure: (error: unknown) => void): Promise<Record<string, RegistryCredentials>> {
    const { auths = {}, credHelpers = {}, credsStore = '' } = this.#content;
    const servers = [...Object.keys(auths), ...Object.keys(credHelpers)];
    try {
      if (credsStore !== '') servers.push(...Object.keys(await new CredentialHelper(credsStore).list()));
    } catch (error) {
      onFailure(error);
    }
    const found: Record<string, RegistryCredentials> = {};
    for (const registry of new Set(servers.map(registryOf)))
      try {
        const credentials = await this.get(registry);
        if (credentials !== undefined) found[registry] = credentials;
      } catch (error) {
        onFailure(error);
      }
    return found;
  }

  /** Gives where it is kept: the helper's name, or undefined for the file, in which it is not encrypted. */
  async store(registry: string, credentials: RegistryCredentials): Promise<string | undefined> {
    const name = this.#helperName(registry);
    if (name !== undefined) {
      await new CredentialHelper(name).store(keyOf(registry), credentials);
      await this.#change(registry, {});
      return name;
    }
    const { username = '', password = '', identitytoken } = credentials;
    const secret = identitytoken === undefined ? password : '';
    const entry: Entry = { auth: Buffer.from(`${username}:${secret}`).toString('base64') };
    await this.#change(registry, identitytoken === undefined ? entry : { ...entry, identitytoken });
    return undefined;
  }

  /** Gives whether there was anything. */
  async erase(registry: string): Promise<boolean> {
    const known = (await this.get(registry)) !== undefined;
    await this.#helperOf(registry)?.erase(keyOf(registry));
    if (this.#keysOf(registry).length > 0) await this.#change(registry, undefined);
    return known;
  }

  #helperName(registry: string): string | undefined {
    const { credHelpers = {}, credsStore = '' } = this.#content;
    const own = Object.entries(credHelpers).find(([server]) => registryOf(server) === registry)?.[1];
    return own ?? (credsStore === '' ? undefined : credsStore);
  }

  #helperOf(registry: string): CredentialHelper | undefined {
    const name = this.#helperName(registry);
    return name === undefined ? undefined : new CredentialHelper(name);
  }

  #keysOf(registry: string): string[] {
    return Object.keys(this.#content.auths ?? {}).filter((server) => registryOf(server) === registry);
  }

  #inFile(registry: string): RegistryCredentials | undefined {
    for (const key of this.#keysOf(registry)) {
      const { auth = '', ...entry } = this.#content.auths?.[key] ?? {};
      const plain = Buffer.from(auth, 'base64').toString('utf8');
      const colon = plain.indexOf(':');
      const named =
        colon < 0 ? entry : { ...entry, username: plain.slice(0, colon), password: plain.slice(colon + 1) };
      const { username, password, identitytoken, registrytoken } = named;
      if (identitytoken || registrytoken || (username && password))
        return {
          ...(username && { username }),
          ...(password && { password }),
          ...(identitytoken && { identitytoken }),
          ...(registrytoken && { registrytoken }),
        };
    }
    return undefined;
  }

  /** Written beside and renamed, for its owner alone. @param entry undefined removes it */
  async #change(registry: string, entry: Entry | undefined): Promise<void> {
    const content = await contentOf(this.path);
    const others = Object.entries(content.auths ?? {}).filter(([server]) => registryOf(server) !== registry);
    const own: [string, Entry][] = entry === undefined ? [] : [[keyOf(registry), entry]];
    const text = `${JSON.stringify({ ...content, auths: Object.fromEntries([...others, ...own]) }, undefined, '\t')}\n`;
    const beside = `${this.path}.${process.pid}`;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    try {
      await writeFile(beside, text, { mode: 0o600, flag: 'wx' });
      await rename(beside, this.path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }
}

async function contentOf(path: string): Promise<Content> {
  const parse: (text: string) => Content | null = JSON.parse;
  try {
    return parse(await readFile(path, 'utf8')) ?? {};
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    const why = systemCode(error) ?? 'it is not JSON';
    throw invalid('docker-config-invalid', `the credentials in '${path}' cannot be read: ${why}`);
  }
}
