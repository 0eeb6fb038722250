import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { internal, messageOf, systemCode } from '#base/errors.ts';

interface Found {
  /** Names, sizes and times of the files: what a change of one of them changes. */
  state: string;
  context: SecureContext;
}

/**
 * Private authorities and client certificates by host, as Docker has them in `/etc/docker/certs.d/HOST[:PORT]`: `*.crt` are
 * authorities, `NAME.cert` and `NAME.key` a certificate of this client. A file that changes counts from the next request on.
 */
export class HostTls {
  readonly #folders: readonly string[];
  readonly #found = new Map<string, Found>();
  #standard: SecureContext | undefined;

  /** @param folders absolute; those that are missing are fine */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** What a host without files of its own is trusted by: the authorities of Node and of this machine. */
  get standard(): SecureContext {
    return (this.#standard ??= createSecureContext({ ca: publicAuthorities() }));
  }

  /**
   * Undefined for a host without files. The same object as long as the files are the same.
   * @param host as in a URL: `HOST` or `HOST:PORT`
   * @throws internal `registry-certificate-unreadable`
   */
  async of(host: string): Promise<SecureContext | undefined> {
    const files = (await Promise.all(this.#folders.map((folder) => filesIn(join(folder, host))))).flat();
    if (files.length === 0) return undefined;
    const state = JSON.stringify(files);
    const known = this.#found.get(host);
    if (known?.state === state) return known.context;
    const context = await read(files.map(({ path }) => path));
    this.#found.set(host, { state, context });
    return context;
  }
}

async function filesIn(folder: string): Promise<{ path: string; size: number; mtimeMs: number }[]> {
  const names = (await readdir(folder).catch(missing)) ?? [];
  const wanted = names.filter((name) => /\.(?:crt|cert|key)$/.test(name)).sort();
  return Promise.all(
    wanted.map(async (name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = await stat(path);
      return { path, size, mtimeMs };
    }),
  );
}

async function read(paths: string[]): Promise<SecureContext> {
  const contents = async (suffix: string): Promise<Buffer[]> =>
    Promise.all(paths.filter((path) => path.endsWith(suffix)).map((path) => readFile(path)));
  for (const path of paths) {
    const other = path.replace(/\.(cert|key)$/, (_, end) => (end === 'cert' ? '.key' : '.cert'));
    if (!paths.includes(other))
      throw internal(
        'registry-certificate-unreadable',
        `found '${path}'; required is '${other}' beside it, the other half of a client certificate`,
      );
  }
  try {
    const [own, cert, key] = await Promise.all([contents('.crt'), contents('.cert'), contents('.key')]);
    return createSecureContext({ ca: [...publicAuthorities(), ...own], cert, key });
  } catch (error) {
    throw internal(
      'registry-certificate-unreadable',
      `one of ${paths.join(', ')} cannot be used: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function publicAuthorities(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

function missing(error: unknown): undefined {
  if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
  throw error;
}
