import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, unavailable } from '#base/errors.ts';
import type { OpenRegistry, RegistryListener, RegistryOpener } from '#ports/registry-opener.ts';

/** How long running requests may take to finish. */
const graceMs = 1000;
/** How long what works for them may take when they are cut: the digest of a large upload, which comes again at its next try. */
const settleMs = 5000;

type Make = (tls: RegistryListener['tls']) => {
  server: Server;
  renew: (tls: { cert: string; key: string }) => void;
  settled: () => Promise<void>;
};

/** Listens with servers that somebody else makes. */
export class RegistryListeners implements RegistryOpener {
  readonly #make: Make;

  constructor(make: Make) {
    this.#make = make;
  }

  async open({ address, port, tls }: RegistryListener): Promise<OpenRegistry> {
    const { server, renew, settled } = this.#make(tls);
    try {
      server.listen(port, address);
      await once(server, 'listening');
    } catch (error) {
      throw unavailable(
        'address-failed',
        `the registry cannot listen on ${address}, port ${port}: ${messageOf(error)}`,
        { cause: error, hint: 'berth registry start --address ADDRESS:PORT takes another one' },
      );
    }
    const bound = server.address();
    return {
      port: typeof bound === 'object' && bound !== null ? bound.port : port,
      renew,
      close: () => close(server, settled),
    };
  }
}

async function close(server: Server, settled: () => Promise<void>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
  const enough = new AbortController();
  const late = delay(settleMs, undefined, { signal: enough.signal }).catch(() => undefined);
  await Promise.race([settled(), late]);
  enough.abort();
}
