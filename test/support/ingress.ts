import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request, type Agent, type IncomingHttpHeaders, type Server } from 'node:http';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { HaproxyBalancer } from '#adapters/haproxy/haproxy-balancer.ts';
import { buildTable } from '#domain/ingress/build-table.ts';
import { standardShape, type BackendShape, type IngressRoute } from '#domain/ingress/model.ts';
import type { IngressTable } from '#domain/ingress/table.ts';
import { freePort } from './free-port.ts';

/** One HAProxy of a test, with its ports; disposal ends it. */
export interface TestIngress extends AsyncDisposable {
  balancer: HaproxyBalancer;
  folder: string;
  ports: { httpPort: number; httpsPort: number };
  /** What went wrong in the background. */
  reports: string[];
  table: (...routes: IngressRoute[]) => IngressTable;
  /** Another daemon's view of the same HAProxy. */
  again: () => HaproxyBalancer;
}

export async function openIngress(trustedProxies: string[] = []): Promise<TestIngress> {
  const folder = await mkdtemp('/var/tmp/b-haproxy-');
  const ports = { httpPort: await freePort(), httpsPort: await freePort() };
  const reports: string[] = [];
  const again = (): HaproxyBalancer =>
    new HaproxyBalancer({
      folder: join(folder, 'haproxy'),
      log: join(folder, 'access.log'),
      settings: {
        instance: `test-${ports.httpPort}`,
        addresses: ['127.0.0.1'],
        trustedProxies,
        challengePort: ports.httpPort,
        accessLog: false,
      },
      report: (problem, error) => reports.push(`${problem}: ${String(error)}`),
    });
  const balancer = again();
  return {
    ...{ balancer, folder, ports, reports, again },
    table: (...routes) => buildTable(routes, ports),
    [Symbol.asyncDispose]: async () => {
      await balancer.apply({ listeners: [], backends: [] });
      balancer.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A plain route of the app shop to its service web, but for `changes`. */
export function route(
  changes: Partial<Omit<IngressRoute, 'shape'>> & { shape?: Partial<BackendShape> },
): IngressRoute {
  const { shape, ...rest } = changes;
  return {
    ...{ app: 'shop', service: 'web', host: 'a.test', path: '/', exact: false, priority: 0, port: 80 },
    ...{ tls: 'off', redirect: true, acceptProxy: false, at: 'compose.yaml:1' },
    ...rest,
    shape: { ...standardShape, ...shape },
  };
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface AskOptions {
  host?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /** Absent: a connection of its own. */
  agent?: Agent;
}

/** One request. */
export function askHttp(port: number, options: AskOptions = {}): Promise<Answer> {
  const { host = 'a.test', path = '/', method = 'GET', headers = {}, body, signal, agent = false } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    { host: '127.0.0.1', port, path, method, agent, headers: { host, ...headers }, signal },
    (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on('error', reject);
    },
  );
  sent.on('error', reject);
  sent.end(body);
  return promise;
}

/** Who signed the certificate that a host's clients are offered, and its serial number. */
export async function offeredCertificate(
  port: number,
  host: string,
): Promise<{ issuer: string; serial: string; names: string[] }> {
  const socket = connect({ port, host: '127.0.0.1', servername: host, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { issuer, serialNumber, subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  const names = subjectaltname.split(', ').map((name) => name.replace(/^DNS:/, ''));
  return { issuer: String(issuer.CN), serial: serialNumber, names };
}

export interface Echo extends AsyncDisposable {
  port: number;
  server: Server;
}

/** Answers with its name and what it was asked, as JSON. */
export async function echoServer(name: string): Promise<Echo> {
  const server = createServer((asked, answer) => {
    asked.resume();
    asked.on('end', () => {
      const { url, headers, method } = asked;
      answer.end(JSON.stringify({ name, url, method, headers }));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    port: address.port,
    server,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** What an echo server says that it was asked. */
export function echoed(answer: Answer): { name: string; url: string; headers: Record<string, string> } {
  assert.equal(answer.status, 200, answer.text);
  const parse: (text: string) => { name: string; url: string; headers: Record<string, string> } = JSON.parse;
  return parse(answer.text);
}
