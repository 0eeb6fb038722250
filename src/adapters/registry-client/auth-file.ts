import { readFile, stat } from 'node:fs/promises';
import { internal, messageOf, systemCode } from '#base/errors.ts';
import { registryOfServerAddress } from '#adapters/registry-client/endpoints.ts';
import type { Credentials } from '#ports/registry-client.ts';

interface Entry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

const parse: (text: string) => { auths?: Record<string, Entry> } | null = JSON.parse;

/**
 * The daemon's own credentials, in the form of Docker's `config.json`: for pulls that nobody's client asks for, and for
 * mirrors. Read again when the file has changed.
 */
export class AuthFile {
  readonly #path: string;
  #read: { state: string; byHost: Map<string, Credentials> } | undefined;

  /** @param path absolute; '' for none. A file that is missing holds nothing. */
  constructor(path: string) {
    this.#path = path;
  }

  /** @param registry as in references. @throws internal `registry-auth-file-invalid` */
  async of(registry: string): Promise<Credentials | undefined> {
    if (this.#path === '') return undefined;
    const found = await stat(this.#path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    const state = `${found.size} ${found.mtimeMs}`;
    if (this.#read?.state !== state) this.#read = { state, byHost: await readAuths(this.#path) };
    return this.#read.byHost.get(registry);
  }
}

async function readAuths(path: string): Promise<Map<string, Credentials>> {
  try {
    const { auths = {} } = parse(await readFile(path, 'utf8')) ?? {};
    return new Map(
      Object.entries(auths).map(([server, entry]) => [registryOfServerAddress(server), credentialsOf(entry)]),
    );
  } catch (error) {
    // Not what the parser says: it quotes the file.
    const why = systemCode(error) === undefined ? 'it is not JSON as Docker writes it' : messageOf(error);
    throw internal('registry-auth-file-invalid', `the credentials in '${path}' cannot be read: ${why}`);
  }
}

/** `auth` is base64 of `NAME:PASSWORD`. */
function credentialsOf({ auth = '', ...entry }: Entry): Credentials {
  const plain = Buffer.from(auth, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  const username = colon < 0 ? entry.username : plain.slice(0, colon);
  const password = colon < 0 ? entry.password : plain.slice(colon + 1);
  return {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(entry.identitytoken ? { identityToken: entry.identitytoken } : {}),
    ...(entry.registrytoken ? { registryToken: entry.registrytoken } : {}),
  };
}
