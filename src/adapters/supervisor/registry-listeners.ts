import { once } from 'node:events';
import type { Server } from 'node:http';
import { messageOf, unavailable } from '#base/errors.ts';
import type { OpenRegistry, RegistryListener, RegistryOpener } from '#ports/registry-opener.ts';

/** How long running requests may take to finish. */
const graceMs = 1000;

type Make = (tls: RegistryListener['tls']) => {
  server: Server;
  renew: (tls: { cert: string; key: string }) => void;
};

/** Listens with servers that somebody else makes. */
export class RegistryListeners implements RegistryOpener {
  readonly #make: Make;

  constructor(make: Make) {
    this.#make = make;
  }

  async open({ address, port, tls }: RegistryListener): Promise<OpenRegistry> {
    const { server, renew } = this.#make(tls);
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
      close: () => close(server),
    };
  }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
