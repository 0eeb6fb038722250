import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import type { RunResult } from '../../support/docker.ts';

const daemon = await startDaemon();
after(() => daemon[Symbol.asyncDispose]());
before(() => daemon.loadBusybox());

const shop = (ports: string): string => `name: shop
services:
  web:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: httpd -f -p 8000 -h /etc
    networks: [default, shared]
  db:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: sh -c "httpd -p 5432 -h /etc; httpd -p 5433 -h /etc; exec nc -ll -p 7000 -e cat"
networks:
  shared: { external: true }
x-berth:
  policy:
    egress: deny
    allow:
      - { from: web, to: db, ports: [${ports}] }
`;

const port = await freePort();
const lanPort = await freePort();
const openPort = await freePort();

const blog = `name: blog
x-berth: { exposure: private }
services:
  client:
    image: busybox
    init: true
    stop_grace_period: 1s
    command: httpd -f -p 8000 -h /etc
    networks: [shared]
    ports: ["${port}:8000"]
  near:
    image: busybox
    command: sleep 1000
    init: true
    ports: ["lan:${lanPort}:8001", "public:${openPort}:8002"]
networks:
  shared: { external: true }
`;

async function berth(app: string, text: string | undefined, ...words: string[]): Promise<RunResult> {
  const folder = join(daemon.folder, app);
  await mkdir(folder, { recursive: true });
  if (text !== undefined) await writeFile(join(folder, 'compose.yaml'), text);
  return daemon.berth(...words, { cwd: folder });
}

async function up(app: string, text: string): Promise<string> {
  const { code, stdout, stderr } = await berth(app, text, 'up');
  assert.equal(code, 0, `${stderr}${stdout}\n${daemon.log}`);
  return stdout + stderr;
}

const say = (...words: string[]): Promise<RunResult> => berth('shop', undefined, 'policy', ...words);

/** Whether a container gets an answer; every container serves its /etc/hostname. */
async function reaches(container: string, where: string): Promise<boolean> {
  const { code } = await daemon.docker(
    'exec',
    container,
    'timeout',
    '5',
    'wget',
    '-qO-',
    `http://${where}/hostname`,
  );
  return code === 0;
}

const idsOf = async (): Promise<string> =>
  (await daemon.docker('ps', '-q', '--no-trunc', '-f', 'name=shop')).stdout;

test('what is allowed passes, all else is refused at once, said why and logged', async () => {
  await daemon.docker('network', 'create', 'shared');
  await up('shop', shop('5432, 7000'));
  assert.ok(await reaches('shop-web-1', 'db:5432'), 'by the address of the service');
  assert.ok(await reaches('shop-web-1', 'tasks.db:5432'), 'by the address of the replica');
  assert.ok(!(await reaches('shop-web-1', 'db:5433')));
  assert.ok(!(await reaches('shop-db-1', 'web:8000')));
  assert.ok(await reaches('shop-web-1', 'web:8000'), 'nobody is kept from itself');
  const yes = await say('test', 'web -> db:5432');
  assert.equal(yes.code, 0);
  assert.match(yes.stdout, /^allowed {2}shop\/web -> shop\/db:5432\/tcp/);
  assert.match(yes.stdout, /egress: yes, .*compose.yaml:20\)[^]*ingress: yes, .*compose.yaml:20\)/);
  const no = await say('test', 'db', 'web:8000');
  assert.equal(no.code, 1);
  assert.match(no.stdout, /^denied[^]*egress: no, shop\/db has its egress closed .*compose.yaml:18\)/);
  const { stdout } = await say('denied', 'shop');
  assert.match(stdout, /egress shop\/web \(\S+\) -> shop\/db \(\S+\) 5433\/tcp/);
  assert.match(stdout, /egress shop\/db \(\S+\) -> shop\/web \(\S+\) 8000\/tcp/);
  assert.match(
    (await say('show')).stdout,
    /shop: x-berth.policy \(compose.yaml:18\)\n {2}selects web, db\n {2}egress: nothing/,
  );
});

test('a container that may not call the host does not, but asks its resolver', async (t) => {
  const server = createServer((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { stdout } = await daemon.docker(
    'exec',
    'shop-web-1',
    'sh',
    '-c',
    "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'",
  );
  assert.ok(!(await reaches('shop-web-1', `${stdout.trim()}:${address.port}`)));
  assert.equal((await daemon.docker('exec', 'shop-web-1', 'nslookup', 'db')).code, 0);
});

test('apps in one network are isolated, and other containers are not', async () => {
  await up('blog', blog);
  assert.ok(!(await reaches('blog-client-1', 'web:8000')));
  assert.ok(!(await reaches('blog-client-1', 'shop-web-1:8000')));
  const { stdout } = await say('test', 'blog/client -> shop/web:8000');
  assert.match(stdout, /^denied[^]*apps are isolated from each other/);
  await daemon.docker('run', '-d', '--name', 'plain', '--network', 'shared', 'busybox', 'sleep', '1000');
  assert.ok(await reaches('plain', 'client:8000'));
  await daemon.docker('rm', '-f', 'plain');
});

test('ports are told with who reaches them, and private ones are bound to loopback', async () => {
  assert.match(await (await fetch(`http://127.0.0.1:${port}/hostname`)).text(), /\w/);
  const { stdout } = await daemon.berth('ports');
  assert.match(stdout, new RegExp(`127.0.0.1:${port}/tcp +private +blog/client +published, to port 8000`));
  const why = 'published, to port 8001 of the container; lan by compose.yaml:15';
  assert.match(stdout, new RegExp(`0.0.0.0:${lanPort}/tcp +lan +blog/near +${why}`));
  assert.match(stdout, new RegExp(`0.0.0.0:${openPort}/tcp +public +blog/near +published, to port 8002`));
  const { stdout: checks } = await daemon.berth('doctor');
  assert.doesNotMatch(checks, new RegExp(`:${port}/`), 'not from outside');
  assert.match(checks, new RegExp(`:${lanPort}/tcp`));
  const { stdout: whole } = await berth('blog', undefined, 'compose', 'config');
  assert.match(whole, /host_ip: lan\n +target: 8001\n[^]+host_ip: public\n +target: 8002\n/);
});

test('a new policy holds for new connections, without touching containers or what is established', async () => {
  const before = await idsOf();
  const talk = 'mkfifo /tmp/in; sleep 1000 > /tmp/in & exec nc db 7000 < /tmp/in > /tmp/out';
  await daemon.docker('exec', '-d', 'shop-web-1', 'sh', '-c', talk);
  const heard = (word: string): Promise<RunResult> =>
    daemon.docker(
      'exec',
      'shop-web-1',
      'timeout',
      '10',
      'sh',
      '-c',
      `until test -p /tmp/in; do :; done; echo ${word} > /tmp/in; until grep -q ${word} /tmp/out; do :; done`,
    );
  assert.equal((await heard('one')).code, 0);
  const shown = await up('shop', shop('5433'));
  assert.match(shown, /who may call whom has changed/);
  assert.equal(await idsOf(), before);
  assert.ok(await reaches('shop-web-1', 'db:5433'));
  assert.ok(!(await reaches('shop-web-1', 'db:5432')));
  assert.equal((await heard('two')).code, 0);
});

test('policies of Kubernetes are taken into the compose file, whole or not at all', async () => {
  const text = (namespace: string): string =>
    [
      'apiVersion: networking.k8s.io/v1',
      'kind: NetworkPolicy',
      `metadata: { name: closed, namespace: ${namespace} }`,
      'spec: { podSelector: { matchLabels: { berth.service: near } } }',
    ].join('\n');
  const source = join(daemon.folder, 'closed.yaml');
  const copy = join(daemon.folder, 'blog/closed.yaml');
  const compose = join(daemon.folder, 'blog/compose.yaml');
  await writeFile(source, text('shop'));
  const refused = await daemon.berth('policy', 'import', source, '--app', 'blog');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /closed.yaml:3:\d+: .*the policy is of the namespace 'shop'/);
  assert.equal(await readFile(compose, 'utf8'), blog);
  await assert.rejects(readFile(copy), { code: 'ENOENT' });
  await writeFile(source, text('blog'));
  const taken = await daemon.berth('policy', 'import', source, '--app', 'blog');
  assert.match(taken.stdout, /closed.yaml is one of the policies of .*compose.yaml now/, taken.stderr);
  assert.match(
    (await daemon.berth('policy', 'import', copy, '--app', 'blog')).stdout,
    /names closed.yaml already/,
  );
  assert.deepEqual((await readdir(dirname(copy))).sort(), ['closed.yaml', 'compose.yaml']);
  await up('blog', await readFile(compose, 'utf8'));
  assert.match(
    (await say('show', 'blog')).stdout,
    /NetworkPolicy closed \(closed.yaml:4\)\n +selects near\n +ingress: nothing/,
  );
});

test('policies hold after a kill of the daemon, and go with their app', async () => {
  await daemon.kill9();
  await daemon.start();
  assert.ok(await reaches('shop-web-1', 'db:5433'));
  assert.ok(!(await reaches('shop-web-1', 'db:5432')));
  assert.ok(!(await reaches('blog-client-1', 'shop-web-1:8000')));
  for (const app of ['shop', 'blog']) assert.equal((await berth(app, undefined, 'down')).code, 0);
  assert.match((await say('show')).stdout, /^No policy/);
  assert.equal((await daemon.docker('network', 'rm', 'shared')).code, 0);
});
