import type { Caller } from '#adapters/registry-client/calls.ts';
import { BerthError, messageOf } from '#base/errors.ts';
import type { Credentials } from '#ports/registry-client.ts';

/** A mirror that did not answer is left alone for so long. */
const restMillis = 30_000;
/** A mirror is no reason to wait long: there is another place to ask. */
const triesOfMirrors = 2;

/** Where else a registry's images are to be had. */
export interface Mirror {
  /** `HOST` or `HOST:PORT`. */
  host: string;
  /** Put before the repository: '' or `proxy/`. */
  prefix: string;
  /** Named with `http:`. */
  isPlain: boolean;
}

/** @param url `https://HOST[:PORT][/REPOSITORY-PREFIX]`, as the settings require */
function mirrorOf(url: string): Mirror {
  const { host, pathname, protocol } = new URL(url);
  const path = pathname.replace(/^\/+|\/+$/g, '');
  return { host, prefix: path === '' ? '' : `${path}/`, isPlain: protocol === 'http:' };
}

/** Asks a registry's mirrors in their order, then the registry itself. Pushes go to the registry only. */
export class Mirrors {
  readonly #mirrors: Map<string, Mirror[]>;
  readonly #auth: (host: string) => Promise<Credentials | undefined>;
  readonly #now: () => number;
  readonly #restUntil = new Map<string, number>();

  /**
   * @param mirrors URLs by registry
   * @param auth the credentials for a mirror: those for the registry are not shown to it
   */
  constructor(
    mirrors: Readonly<Record<string, readonly string[]>>,
    auth: (host: string) => Promise<Credentials | undefined>,
    now: () => number,
  ) {
    this.#mirrors = new Map(Object.entries(mirrors).map(([name, urls]) => [name, urls.map(mirrorOf)]));
    this.#auth = auth;
    this.#now = now;
  }

  /** Mirrors that speak plain HTTP, as the settings name them. */
  get plainHosts(): string[] {
    return [...this.#mirrors.values()].flatMap((list) =>
      list.filter(({ isPlain }) => isPlain).map(({ host }) => host),
    );
  }

  /** What the first of them gives. @throws what the registry itself failed with; the hint tells of its mirrors */
  async firstOf<T>(caller: Caller, work: (caller: Caller) => Promise<T>): Promise<T> {
    const failures: string[] = [];
    for (const mirror of this.#mirrors.get(caller.reference.registry) ?? []) {
      if ((this.#restUntil.get(mirror.host) ?? 0) > this.#now()) continue;
      if (caller.passesOver?.(mirror.host) === true) continue;
      try {
        return await work(await this.#callerOf(mirror, caller));
      } catch (error) {
        caller.signal.throwIfAborted();
        if (error instanceof BerthError && error.code === 'registry-unreachable')
          this.#restUntil.set(mirror.host, this.#now() + restMillis);
        failures.push(`${mirror.host}: ${messageOf(error)}`);
      }
    }
    try {
      return await work(caller);
    } catch (error) {
      throw failures.length === 0 ? error : withMirrors(error, failures);
    }
  }

  async #callerOf(mirror: Mirror, { reference, signal }: Caller): Promise<Caller> {
    const { registry, repository } = reference;
    return {
      reference: { ...reference, registry: mirror.host, repository: `${mirror.prefix}${repository}` },
      auth: await this.#auth(mirror.host),
      signal,
      namespace: registry,
      tries: triesOfMirrors,
    };
  }
}

function withMirrors(error: unknown, failures: string[]): unknown {
  if (!(error instanceof BerthError) || error.hint !== undefined) return error;
  const hint = `its mirrors failed too: ${failures.join('; ')}`;
  return new BerthError(error.kind, error.code, error.message, { hint, cause: error.cause });
}
