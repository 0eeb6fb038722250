// node testcontainers.js MODULES: uses testcontainers from the folder with its node_modules against DOCKER_HOST.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { clearInterval, setInterval } from 'node:timers';
import { check } from './check.js';

const require = createRequire(join(process.argv[2], 'package.json'));
const { DockerComposeEnvironment, GenericContainer, Network, Wait } = require('testcontainers');
// testcontainers lets go of its connections' hold on the process, as a test runner keeps it alive: so does this.
const alive = setInterval(() => undefined, 60_000);
const folder = await mkdtemp(join(tmpdir(), 'berth-testcontainers-'));
const serving =
  'echo starting; mkdir /srv; echo page >/srv/index.html; echo ready; exec httpd -f -p 8080 -h /srv';
const server = () =>
  new GenericContainer('busybox').withCommand(['sh', '-c', serving]).withExposedPorts(8080);

async function page(container) {
  return (await globalThis.fetch(`http://${container.getHost()}:${container.getMappedPort(8080)}/`)).text();
}

await check('start, wait for the port, mapped port, stop', async () => {
  await using container = await server().start();
  assert.equal(await page(container), 'page\n');
});

await check('wait for a log line', async () => {
  await using container = await server().withWaitStrategy(Wait.forLogMessage('ready')).start();
  assert.match(container.getName(), /./);
});

await check('wait for an HTTP answer', async () => {
  await using container = await server().withWaitStrategy(Wait.forHttp('/', 8080)).start();
  assert.equal(await page(container), 'page\n');
});

await check('wait for a health check', async () => {
  const probe = {
    test: ['CMD-SHELL', 'wget -qO- http://127.0.0.1:8080/'],
    interval: 300,
    timeout: 3000,
    retries: 20,
    startPeriod: 0,
  };
  await using container = await server()
    .withHealthCheck(probe)
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.equal(await page(container), 'page\n');
});

await check('wait for a command, and for the end of a one-shot container', async () => {
  await using one = await server()
    .withWaitStrategy(Wait.forSuccessfulCommand('test -f /srv/index.html'))
    .start();
  assert.match(one.getId(), /^[0-9a-f]{64}$/);
  await using shot = await new GenericContainer('busybox')
    .withCommand(['true'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  assert.match(shot.getId(), /^[0-9a-f]{64}$/);
});

await check('a container that never gets ready is an error', async () => {
  const never = new GenericContainer('busybox')
    .withCommand(['sleep', '1000'])
    .withExposedPorts(8080)
    .withStartupTimeout(1500);
  await assert.rejects(never.start(), /not bound after 1500ms|timed out|Timeout/i);
});

await check('exec, logs, copy in and out, restart', async () => {
  await using container = await server().withEnvironment({ A: '1' }).start();
  const { exitCode, stdout, stderr } = await container.exec(['sh', '-c', 'echo $A; echo e >&2; exit 2']);
  assert.deepEqual([exitCode, stdout, stderr], [2, '1\n', 'e\n']);
  await container.copyContentToContainer([{ content: 'abc', target: '/tmp/note' }]);
  assert.equal((await container.exec(['cat', '/tmp/note'])).output, 'abc');
  const archive = await container.copyArchiveFromContainer('/tmp/note');
  assert.ok((await archive.toArray()).join('').includes('abc'));
  const [line] = await (await container.logs()).take(1).toArray();
  assert.match(String(line), /starting/);
  await container.exec(['rm', '-r', '/srv']);
  await container.restart();
  assert.equal(await page(container), 'page\n');
});

await check('a network with aliases', async () => {
  await using network = await new Network().start();
  await using web = await server().withNetwork(network).withNetworkAliases('web').start();
  await using other = await new GenericContainer('busybox')
    .withCommand(['sleep', '1000'])
    .withNetwork(network)
    .start();
  assert.equal((await other.exec(['wget', '-qO-', 'http://web:8080/'])).stdout, 'page\n');
  assert.ok(web.getNetworkNames().includes(network.getName()));
});

await check(
  'options: user, tmpfs, bind mount, resource quota, labels, entrypoint, working directory',
  async () => {
    await writeFile(join(folder, 'note'), 'bound');
    await using container = await new GenericContainer('busybox')
      .withEntrypoint(['sleep'])
      .withCommand(['1000'])
      .withUser('nobody')
      .withTmpFs({ '/scratch': 'rw,size=1m' })
      .withBindMounts([{ source: join(folder, 'note'), target: '/note', mode: 'ro' }])
      .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
      .withLabels({ kind: 'test' })
      .withWorkingDir('/tmp')
      .withPrivilegedMode()
      .withSharedMemorySize(1024 * 1024)
      .withUlimits({ nofile: { hard: 512, soft: 512 } })
      .withExtraHosts([{ host: 'elsewhere', ipAddress: '10.1.2.3' }])
      .start();
    const command = 'id -un; pwd; cat /note; ulimit -n; grep elsewhere /etc/hosts; grep scratch /proc/mounts';
    const { output } = await container.exec(['sh', '-c', command]);
    assert.match(output, /^nobody\n\/tmp\nbound512\n10\.1\.2\.3\s+elsewhere\ntmpfs \/scratch tmpfs/);
  },
);

await check('an image built from a Dockerfile', async () => {
  await writeFile(
    join(folder, 'Dockerfile'),
    'FROM busybox\nARG WORD\nRUN echo $WORD >/word\nCMD ["sleep", "1000"]\n',
  );
  const image = await GenericContainer.fromDockerfile(folder)
    .withBuildArgs({ WORD: 'given' })
    .build('built-by-test:1');
  await using container = await image.start();
  assert.equal((await container.exec(['cat', '/word'])).output, 'given\n');
});

await check('commit, and reuse of a running container', async () => {
  await using container = await server().start();
  const id = await container.commit({ repo: 'committed', tag: '1' });
  assert.match(id, /^(sha256:)?[0-9a-f]{64}$/);
  const first = await server().withReuse().start();
  const second = await server().withReuse().start();
  assert.equal(second.getId(), first.getId());
  await first.stop();
});

const composeFile = `services:
  web:
    image: busybox
    init: true
    command: ["sh", "-c", ${JSON.stringify(serving)}]
    ports: ["8080"]
`;

await check('a compose file, by the Compose plugin', async () => {
  await writeFile(join(folder, 'compose.yaml'), composeFile);
  await using environment = await new DockerComposeEnvironment(folder, 'compose.yaml')
    .withWaitStrategy('web-1', Wait.forLogMessage('ready'))
    .up();
  assert.equal(await page(environment.getContainer('web-1')), 'page\n');
});

await rm(folder, { recursive: true });
clearInterval(alive);
