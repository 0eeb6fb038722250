import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { parentPort } from 'node:worker_threads';
import { systemCode } from '#base/errors.ts';
import { CLONE_NEWNET, setns } from '#adapters/linux/libc.ts';

// A program in a network namespace: this thread moves there for good and serves and calls by plain sockets.

export type PeerRequest =
  | { do: 'enter'; namespace: string }
  | { do: 'serve-tcp'; port: number; greeting: string }
  | { do: 'serve-udp'; port: number; greeting: string }
  | { do: 'serve-echo'; port: number; greeting: string }
  | { do: 'resolve'; server: string; name: string; type: 'A' | 'AAAA' | 'SRV' }
  | { do: 'tcp'; host: string; port: number }
  | { do: 'tally'; host: string; port: number; calls: number }
  | { do: 'open'; host: string; port: number }
  | { do: 'say'; connection: number; text: string }
  | { do: 'hear'; connection: number }
  | { do: 'close'; connection: number }
  | { do: 'udp'; host: string; port: number; message: string; from?: number; patience: number };

function enter(namespace: string): string {
  const fd = openSync(namespace, 'r');
  setns(fd, CLONE_NEWNET);
  closeSync(fd);
  return 'entered';
}

/** Tells each caller the address that it comes from. */
function serveTcp(port: number, greeting: string): Promise<string> {
  const server = createServer((socket) => {
    socket.end(`${greeting} ${(socket.remoteAddress ?? '').replace('::ffff:', '')}`);
  });
  return listening(server, port);
}

function listening(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '::', () => resolve('listening'));
  });
}

/** Answers what is said on a connection, for as long as it lasts. */
function serveEcho(port: number, greeting: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: Buffer) => socket.write(`${greeting} ${data.toString()}`));
  });
  return listening(server, port);
}

const connections: Socket[] = [];

/** Gives the connection's number. */
function open(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => resolve(String(connections.push(socket) - 1)));
    socket.once('error', reject);
  });
}

/** What comes back, or the error's code. */
async function say(connection: number, text: string): Promise<string> {
  connections[connection]?.write(text);
  return hear(connection);
}

/** What comes without a word, or the error's code. */
async function hear(connection: number): Promise<string> {
  const socket = connections[connection];
  if (socket === undefined) throw new Error(`there is no connection ${connection}`);
  try {
    const answers: unknown[] = await once(socket, 'data', { signal: AbortSignal.timeout(5000) });
    return String(answers[0]);
  } catch (error) {
    return systemCode(error) ?? String(error);
  }
}

/** How often each answer came, as JSON. */
async function tally(host: string, port: number, calls: number): Promise<string> {
  const answers: Record<string, number> = {};
  for (let call = 0; call < calls; call += 1) {
    const answer = await callTcp(host, port);
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return JSON.stringify(answers);
}

function serveUdp(port: number, greeting: string): Promise<string> {
  const socket = createSocket('udp4');
  socket.on('message', (data, from) => {
    socket.send(`${greeting} ${from.address} ${data.toString()}`, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject).bind(port, '0.0.0.0', () => resolve('listening'));
  });
}

/** What the other side says, or the error's code. */
export function callTcp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect({ host, port, timeout: 1500 });
    socket.on('data', (data: Buffer) => parts.push(data));
    socket.on('end', () => resolve(Buffer.concat(parts).toString()));
    socket.on('timeout', () => socket.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : error.message));
  });
}

/** What the other side answers, or `TIMEOUT`. */
export function callUdp(request: Extract<PeerRequest, { do: 'udp' }>): Promise<string> {
  const socket = createSocket(request.host.includes(':') ? 'udp6' : 'udp4');
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

/** The addresses of a name (of SRV name:port), sorted, or the error's code. */
async function resolve(server: string, name: string, type: 'A' | 'AAAA' | 'SRV'): Promise<string> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([server]);
  try {
    if (type === 'SRV')
      return (await resolver.resolveSrv(name))
        .map((one) => `${one.name}:${one.port}`)
        .sort()
        .join(' ');
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
      return serveTcp(request.port, request.greeting);
    case 'serve-udp':
      return serveUdp(request.port, request.greeting);
    case 'serve-echo':
      return serveEcho(request.port, request.greeting);
    case 'tally':
      return tally(request.host, request.port, request.calls);
    case 'open':
      return open(request.host, request.port);
    case 'say':
      return say(request.connection, request.text);
    case 'hear':
      return hear(request.connection);
    case 'close':
      connections[request.connection]?.destroy();
      return 'closed';
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
