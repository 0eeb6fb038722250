import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

/** The two ends of a connection over loopback. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const ours = createConnection({ port, host: '127.0.0.1' });
  const theirs = await accepted;
  server.close();
  return [ours, theirs];
}
