import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { systemCode } from '#base/errors.ts';
import { CLONE_NEWNET, setns } from '#adapters/linux/libc.ts';

// A program in a network namespace: this thread moves there for good and serves and calls by plain sockets.

export type PeerRequest =
  | { do: 'enter'; namespace: string }
  | { do: 'serve-tcp'; port: number }
  | { do: 'serve-udp'; port: number }
  | { do: 'resolve'; server: string; name: string; type: 'A' | 'AAAA' }
  | { do: 'tcp'; host: string; port: number }
  | { do: 'udp'; host: string; port: number; message: string; from?: number; patience: number };

function enter(namespace: string): string {
  const fd = openSync(namespace, 'r');
  setns(fd, CLONE_NEWNET);
  closeSync(fd);
  return 'entered';
}

/** Tells each caller the address that it comes from. */
function serveTcp(port: number): Promise<string> {
  const server = createServer((socket) => {
    socket.end(`tcp ${(socket.remoteAddress ?? '').replace('::ffff:', '')}`);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '::', () => resolve('listening'));
  });
}

function serveUdp(port: number): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => {
    socket.send(`udp ${from.address} ${data.toString()}`, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind(port, '0.0.0.0', () => resolve('listening'));
  });
}

/** What the other side says, or the error's code. */
export function callTcp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port, timeout: 700 });
    socket.on('data', (data: Buffer) => parts.push(data));
    socket.on('end', () => resolve(Buffer.concat(parts).toString()));
    socket.on('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

/** What the other side answers, or `TIMEOUT`. */
export function callUdp(request: Extract<PeerRequest, { do: 'udp' }>): Promise<string> {
  const socket = createSocket('udp4');
  return new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve('TIMEOUT'), request.patience);
    const settle = (answer: string): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    socket.on('error', (error) => settle('code' in error ? String(error.code) : error.message));
    socket.on('message', (data) => settle(data.toString()));
    socket.bind(request.from ?? 0, () => socket.send(request.message, request.port, request.host));
  }).finally(() => socket.close());
}

/** The addresses of a name, sorted, or the error's code. */
async function resolve(server: string, name: string, type: 'A' | 'AAAA'): Promise<string> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([server]);
  try {
    return (await resolver.resolve(name, type)).sort().join(' ');
  } catch (error) {
    return systemCode(error) ?? String(error);
  }
}

function answer(request: PeerRequest): string | Promise<string> {
  switch (request.do) {
    case 'enter':
      return enter(request.namespace);
    case 'serve-tcp':
      return serveTcp(request.port);
    case 'serve-udp':
      return serveUdp(request.port);
    case 'resolve':
      return resolve(request.server, request.name, request.type);
    case 'tcp':
      return callTcp(request.host, request.port);
    case 'udp':
      return callUdp(request);
  }
}

parentPort?.on('message', ({ id, request }: { id: number; request: PeerRequest }) => {
  Promise.resolve()
    .then(() => answer(request))
    .then(
      (value) => parentPort?.postMessage({ id, value }),
      (error: unknown) => parentPort?.postMessage({ id, error: String(error) }),
    );
});
