import { unavailable } from '#base/errors.ts';
import { command } from '#cli/host/command.ts';
import type { RegistryCredentials } from '#api/types/registries.ts';

/** What helpers say in place of a name when the secret is an identity token. */
const tokenName = '<token>';

interface Stored {
  Username?: string;
  Secret?: string;
}

const parseStored: (text: string) => Stored = JSON.parse;
const parseNames: (text: string) => Record<string, string> = JSON.parse;

/** A program `docker-credential-NAME` (docker-credential-helpers): requests and answers by standard input and output. */
export class CredentialHelper {
  readonly #program: string;

  constructor(name: string) {
    this.#program = `docker-credential-${name}`;
  }

  /** Undefined when it has none. @throws unavailable `credential-helper-failed` */
  async get(server: string): Promise<RegistryCredentials | undefined> {
    const { code, stdout, stderr } = await command(this.#program, ['get'], `${server}\n`);
    if (code !== 0) {
      if (/credentials not found/i.test(stdout)) return undefined;
      throw this.#failed('get', stdout, stderr);
    }
    const { Username = '', Secret = '' } = this.#parsed('get', stdout, parseStored);
    if (Secret === '') return undefined;
    return Username === tokenName ? { identitytoken: Secret } : { username: Username, password: Secret };
  }

  /** @throws unavailable `credential-helper-failed` */
  async store(server: string, credentials: RegistryCredentials): Promise<void> {
    const { username = '', password = '', identitytoken } = credentials;
    const entry =
      identitytoken === undefined
        ? { ServerURL: server, Username: username, Secret: password }
        : { ServerURL: server, Username: tokenName, Secret: identitytoken };
    const { code, stdout, stderr } = await command(this.#program, ['store'], JSON.stringify(entry));
    if (code !== 0) throw this.#failed('store', stdout, stderr);
  }

  /** @throws unavailable `credential-helper-failed` */
  async erase(server: string): Promise<void> {
    const { code, stdout, stderr } = await command(this.#program, ['erase'], `${server}\n`);
    if (code !== 0 && !/credentials not found/i.test(stdout)) throw this.#failed('erase', stdout, stderr);
  }

  /** Names by server. @throws unavailable `credential-helper-failed` */
  async list(): Promise<Record<string, string>> {
    const { code, stdout, stderr } = await command(this.#program, ['list']);
    if (code !== 0) throw this.#failed('list', stdout, stderr);
    return this.#parsed('list', stdout, parseNames);
  }

  #parsed<T>(verb: string, text: string, parse: (text: string) => T): T {
    try {
      return parse(text);
    } catch {
      // The answer may hold a secret: it is not quoted.
      throw this.#failed(verb, 'its answer is not JSON', '');
    }
  }

  #failed(verb: string, stdout: string, stderr: string): Error {
    const said = (stdout.trim() || stderr.trim()).split('\n', 1).join('').slice(0, 200);
    return unavailable('credential-helper-failed', `${this.#program} ${verb} failed: ${said}`, {
      hint: `install ${this.#program}, or take it out of credsStore and credHelpers in config.json`,
    });
  }
}
