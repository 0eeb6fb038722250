import { readFileSync, statSync } from 'node:fs';
import { decode, encode, RECURSION_DESIRED, type DecodedPacket } from 'dns-packet';
import { KeyedMutex } from '#base/mutex.ts';
import { systemCode, unavailable } from '#base/errors.ts';
import type { NameSource, Resolver } from '#ports/resolver.ts';
import { addressesIn, ownRecords, RCODE, refuse, respond } from './answer.ts';
import { forward, forwardWhole, type Upstream } from './forward.ts';
import { Listener } from './listener.ts';
import { isLoopback, parseResolvConf } from './resolv-conf.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Where systemd-resolved keeps the real servers when resolv.conf names only itself. */
const SYSTEMD_RESOLV_CONF = '/run/systemd/resolve/resolv.conf';
/** What Docker gives to containers when the host has no resolver that they could reach. */
const PUBLIC_RESOLVERS = ['8.8.8.8', '8.8.4.4'];
/** Questions under way to other resolvers at one time; above it they are refused, not queued. */
const MAX_FORWARDED = 1000;
const DNS_PORT = 53;

export interface ResolverOptions {
  /** Another file than /etc/resolv.conf. */
  resolvConf?: string;
  /** Port to listen on (default 53; 0 for any) and to forward to. */
  port?: number;
  upstreamPort?: number;
}

/** Answers containers: their own names by a NameSource, all others by the resolvers of the host. */
export class DnsResolver implements Resolver {
  readonly #file: string;
  readonly #port: number;
  readonly #upstreamPort: number;
  readonly #listeners = new Map<string, Listener>();
  readonly #order = new KeyedMutex();
  #cache = { text: '', version: 'none' };
  #forwarded = 0;

  constructor(options: ResolverOptions = {}) {
    this.#file = options.resolvConf ?? RESOLV_CONF;
    this.#port = options.port ?? DNS_PORT;
    this.#upstreamPort = options.upstreamPort ?? DNS_PORT;
  }

  /** @throws unavailable `resolver-port-taken` when another program has port 53 of that address */
  listen(address: string, names: NameSource): Promise<void> {
    return this.#order.run(address, async () => {
      if (this.#listeners.has(address)) return;
      try {
        const listener = await Listener.open(address, this.#port, (query, asker, byTcp) =>
          this.#answer(query, asker, byTcp, names),
        );
        this.#listeners.set(address, listener);
      } catch (error) {
        throw systemCode(error) === 'EADDRINUSE' ? taken(address, error) : error;
      }
    });
  }

  unlisten(address: string): Promise<void> {
    return this.#order.run(address, async () => {
      const listener = this.#listeners.get(address);
      this.#listeners.delete(address);
      await listener?.close();
    });
  }

  /** The port in use on an address; undefined when not listening. */
  portOf(address: string): number | undefined {
    return this.#listeners.get(address)?.port;
  }

  upstreams(): string[] {
    const reachable = (text: string): string[] =>
      parseResolvConf(text).servers.filter((server) => !isLoopback(server) && !server.includes('%'));
    const own = reachable(this.hostFile());
    if (own.length > 0) return own;
    const hidden = reachable(readIfThere(SYSTEMD_RESOLV_CONF));
    return hidden.length > 0 ? hidden : PUBLIC_RESOLVERS;
  }

  async lookup(name: string): Promise<string[]> {
    const answers = await Promise.all(
      (['A', 'AAAA'] as const).map((type) =>
        this.#ask(
          encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type, name }] }),
          true,
          this.#hostServers(),
        ),
      ),
    );
    return answers.flatMap((answer) => (answer === undefined ? [] : addressesIn(decoded(answer)).addresses));
  }

  searchDomains(): string[] {
    return parseResolvConf(this.hostFile()).search;
  }

  hostFile(): string {
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    // Times have the grain of the kernel's clock tick, so the time alone can miss a change.
    const version = `${stat?.ino ?? 0} ${stat?.size ?? 0} ${stat?.mtimeMs ?? 0}`;
    if (version !== this.#cache.version) this.#cache = { text: readIfThere(this.#file), version };
    return this.#cache.text;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#listeners.keys()].map((address) => this.unlisten(address)));
  }

  async #answer(
    query: Buffer,
    asker: string,
    byTcp: boolean,
    names: NameSource,
  ): Promise<Buffer | undefined> {
    const packet = decoded(query);
    if (packet?.type !== 'query') return undefined;
    const [question] = packet.questions ?? [];
    if (question === undefined) return refuse(packet, RCODE.FORMAT_ERROR);
    const records = ownRecords(question.type, question.name, names, asker);
    if (records !== undefined) return respond(packet, records, !byTcp);
    const answer = await this.#ask(query, byTcp, names.upstreams(asker) ?? this.#hostServers());
    if (answer !== undefined && names.awaits(question.name, asker)) {
      const { addresses, seconds } = addressesIn(decoded(answer));
      if (addresses.length > 0) await names.resolved(question.name, asker, addresses, seconds);
    }
    if (answer !== undefined) return answer;
    const isOneLabel = !question.name.replace(/\.$/, '').includes('.');
    return refuse(packet, isOneLabel ? RCODE.NO_SUCH_NAME : RCODE.SERVER_FAILURE);
  }

  /** Loopback resolvers are fine here: it is the host that asks. */
  #hostServers(): string[] {
    const { servers } = parseResolvConf(this.hostFile());
    return servers.length > 0 ? servers : PUBLIC_RESOLVERS;
  }

  async #ask(query: Buffer, byTcp: boolean, servers: string[]): Promise<Buffer | undefined> {
    if (this.#forwarded >= MAX_FORWARDED) return undefined;
    this.#forwarded += 1;
    const upstreams: Upstream[] = servers.map((address) => ({ address, port: this.#upstreamPort }));
    try {
      // By UDP an answer that was cut goes back as it is: the client then asks by TCP.
      return await (byTcp ? forwardWhole(query, upstreams) : forward(query, upstreams, false));
    } finally {
      this.#forwarded -= 1;
    }
  }
}

function decoded(query: Buffer): DecodedPacket | undefined {
  try {
    return decode(query);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function taken(address: string, cause: unknown): Error {
  return unavailable(
    'resolver-port-taken',
    `cannot answer names on ${address}: port 53 is taken by another program of the host`,
    {
      cause,
      hint: 'A name server that listens on all addresses takes this one, too: bind it to its own addresses (ss -lunp shows it).',
    },
  );
}
