import { spawn } from 'node:child_process';
import { createPrivateKey, createSign, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from './docker.ts';

// Debian's docker-registry on loopback: open, with htpasswd, or with tokens from a server of our own.

/** user `tester` with the password `secret` (bcrypt, cost 4). */
const htpasswd = 'tester:$2y$04$qOuOdgxQS7hA.pkJlWIA4OdUHqrSBafjcK7TJYcEuC06DixvGFqta\n';

export const credentials = { username: 'tester', password: 'secret' };

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  host: string;
}

export interface TokenRegistry extends TestRegistry {
  /** Query strings of the token requests so far. */
  asked: string[];
}

export async function startRegistry(auth: 'none' | 'basic' = 'none'): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-registry-'));
  await writeFile(join(folder, 'htpasswd'), htpasswd);
  const basic = { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } };
  return serve(folder, auth === 'basic' ? basic : undefined);
}

async function serve(folder: string, auth: object | undefined): Promise<TestRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: host },
    ...(auth !== undefined && { auth }),
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  const closed = once(child, 'close');
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      seen.push(line);
      if (line.includes('listening on')) resolve();
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`docker-registry ended:\n${seen.join('\n')}`)));
  });
  return {
    host,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

/** A registry that wants bearer tokens, with the server that signs them for `tester` only. */
export async function startTokenRegistry(): Promise<TokenRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-tokens-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=test', '-days', '2'],
    ...['-keyout', key, '-out', certificate],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const asked: string[] = [];
  const sign = signer(await readFile(key, 'utf8'), await readFile(certificate, 'utf8'));
  const server = await listen((request) => {
    const url = new URL(request.url ?? '', 'http://tokens');
    asked.push(url.search);
    const wanted = `Basic ${Buffer.from('tester:secret').toString('base64')}`;
    if (request.headers.authorization !== wanted) return { status: 401, body: {} };
    return { status: 200, body: { token: sign(url.searchParams.getAll('scope')), expires_in: 300 } };
  });
  const registry = await serve(folder, {
    token: {
      realm: `http://127.0.0.1:${portOf(server)}/token`,
      service: 'test-registry',
      issuer: 'test-issuer',
      rootcertbundle: certificate,
    },
  });
  return {
    host: registry.host,
    asked,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A JSON web token for scopes such as `repository:app:pull,push` (distribution, token authentication). */
function signer(key: string, certificate: string): (scopes: string[]) => string {
  const der = certificate.replace(/-----[A-Z ]+-----|\s/g, '');
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return (scopes) => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type = '', name = '', actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const claims = { iss: 'test-issuer', sub: 'tester', aud: 'test-registry', jti: randomUUID(), access };
    const head = encode({ typ: 'JWT', alg: 'RS256', x5c: [der] });
    const body = encode({ ...claims, exp: now + 300, nbf: now - 10, iat: now });
    const signature = createSign('RSA-SHA256').update(`${head}.${body}`).sign(createPrivateKey(key));
    return `${head}.${body}.${signature.toString('base64url')}`;
  };
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body: object | Buffer;
}

/** A small HTTP server on loopback; `answer` sees each request after its body was read. */
export async function listen(answer: (request: IncomingMessage) => Answer | 'cut'): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      const given = answer(request);
      if (given === 'cut') {
        request.socket.destroy();
        return;
      }
      response.writeHead(given.status, given.headers);
      response.end(Buffer.isBuffer(given.body) ? given.body : JSON.stringify(given.body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
