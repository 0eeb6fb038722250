import { once } from 'node:events';
import { createServer } from 'node:net';
import { conflict, messageOf, systemCode } from '#base/errors.ts';

/**
 * HAProxy itself shares a port with whoever allows it, and notices nothing.
 * @throws conflict `ingress-port-taken`
 */
export async function checkPorts(
  ports: readonly number[],
  { addresses, hasIp6 }: { addresses: readonly string[]; hasIp6: boolean },
): Promise<void> {
  const standard = hasIp6 ? ['0.0.0.0', '::'] : ['0.0.0.0'];
  for (const port of ports)
    for (const address of addresses.length === 0 ? standard : addresses) await checkPort(port, address);
}

async function checkPort(port: number, address: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ port, host: address, ipv6Only: true });
    await once(server, 'listening');
  } catch (error) {
    const why = systemCode(error) === 'EADDRINUSE' ? 'another program listens there' : messageOf(error);
    throw conflict('ingress-port-taken', `ingress cannot listen on ${address}, port ${port}: ${why}`, {
      cause: error,
      hint: 'stop that program, or set ingress.http-port and ingress.https-port to free ports',
    });
  } finally {
    server.close();
  }
}
