import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestDaemon } from '../support/daemon.ts';
import { startRegistry } from '../support/registry.ts';
import { Checks } from './checks.ts';
import { DockerCommand } from './client-command.ts';
import { checkNewerCompose } from './compose-newer.ts';
import { linkPlugin } from './install.ts';

/** Every command of the Compose plugin, on a project with dependencies, networks, volumes, profiles and a build. */
export async function checkCompose(daemon: TestDaemon): Promise<Checks> {
  await linkPlugin(daemon, 'docker-compose');
  await linkPlugin(daemon, 'docker-buildx');
  const docker = new DockerCommand(daemon);
  const checks = new Checks('Compose plugin', await docker.ok('compose', 'version', '--short'));
  const project = new Project(docker, join(daemon.folder, 'shop'));
  await project.make();
  await checkUp(checks, project);
  await checkInside(checks, project);
  await checkChanges(checks, project);
  await checkBuilds(checks, project);
  await checkStreams(checks, project, daemon);
  await checkEnds(checks, project);
  if (await docker.knows('compose', 'publish')) await checkNewerCompose(checks, docker, daemon);
  await checks.check("every command that the plugin's help names was run", async () => {
    assert.deepEqual(await docker.untried(['compose']), []);
  });
  return checks;
}

function composeFile(greeting: string): string {
  return `services:
  db:
    image: busybox
    init: true
    command: sh -c 'mkdir -p /data; echo stored >/data/index.html; exec httpd -f -p 80 -h /data'
    healthcheck: { test: [CMD, wget, -qO-, "http://127.0.0.1/"], interval: 300ms, retries: 30 }
    volumes: [data:/data]
    networks: { back: { aliases: [store] } }
  web:
    image: busybox
    init: true
    command: sh -c 'mkdir /srv; echo page >/srv/index.html; echo started; exec httpd -f -p 80 -h /srv'
    environment: { GREETING: ${greeting} }
    ports: ["127.0.0.1::80"]
    depends_on: { db: { condition: service_healthy } }
    networks: [front, back]
  tool:
    image: busybox
    profiles: [debug]
    command: [echo, tool ran]
    networks: [back]
  brief:
    image: busybox
    profiles: [brief]
    command: sh -c 'sleep 5; echo said; exit 4'
  watched:
    profiles: [watched]
    build: .
    image: local/watched
    init: true
    command: sleep 1000
    develop: { watch: [{ action: sync, path: ./src, target: /src }] }
  built:
    profiles: [builds]
    build: { context: ., args: { WORD: given } }
    image: \${REGISTRY:-local}/built:1
networks: { front: {}, back: { internal: true } }
volumes: { data: {} }
`;
}

class Project {
  readonly docker: DockerCommand;
  readonly folder: string;

  constructor(docker: DockerCommand, folder: string) {
    this.docker = docker;
    this.folder = folder;
  }

  async make(): Promise<void> {
    await mkdir(join(this.folder, 'src'), { recursive: true });
    await this.write('hello');
    await writeFile(
      join(this.folder, 'Dockerfile'),
      'FROM busybox\nARG WORD\nRUN echo $WORD >/word\nCMD ["cat", "/word"]\n',
    );
  }

  write(greeting: string): Promise<void> {
    return writeFile(join(this.folder, 'compose.yaml'), composeFile(greeting));
  }

  run(...args: string[]): Promise<string> {
    return this.docker.ok('compose', ...args, { cwd: this.folder });
  }

  /** Ids of the running containers, by service. */
  async ids(): Promise<Record<string, string>> {
    const shown = await this.run('ps', '--format', '{{.Service}} {{.ID}}');
    const pairs = shown.split('\n').map((line): [string, string] => {
      const [service = '', id = ''] = line.split(' ');
      return [service, id];
    });
    return Object.fromEntries(pairs);
  }
}

async function checkUp(checks: Checks, project: Project): Promise<void> {
  await checks.check('config', async () => {
    assert.equal(await project.run('config', '--services'), 'db\nweb');
    assert.match(await project.run('config'), /condition: service_healthy/);
  });
  await checks.check('create, up -d with depends_on healthy', async () => {
    await project.run('create');
    await project.run('up', '-d', '--wait');
    const shown = await project.run('ps', '--format', '{{.Service}} {{.State}} {{.Health}}');
    assert.deepEqual(
      shown
        .trimEnd()
        .split('\n')
        .map((line) => line.trim())
        .sort(),
      ['db running healthy', 'web running'],
    );
  });
  await checks.check('ls, images, top, stats, version', async () => {
    assert.match(await project.run('ls'), /^shop +running\(2\)/m);
    assert.match(await project.run('images'), /shop-web-1 +busybox +latest/);
    assert.match(await project.run('top'), /httpd -f -p 80/);
    assert.match(await project.run('stats', '--no-stream'), /shop-web-1/);
    assert.match(await project.run('version'), /Docker Compose version/);
  });
  await checks.check('port, logs', async () => {
    const address = await project.run('port', 'web', '80');
    assert.equal(await (await fetch(`http://${address}/`)).text(), 'page\n');
    assert.match(await project.run('logs', '--no-color', '--no-log-prefix', 'web'), /started$/);
  });
}

async function checkInside(checks: Checks, project: Project): Promise<void> {
  await checks.check('exec; names and aliases of services; internal networks', async () => {
    assert.equal(await project.run('exec', '-T', 'web', 'wget', '-qO-', 'http://store/'), 'stored');
    assert.equal(await project.run('exec', '-T', 'web', 'wget', '-qO-', 'http://db/'), 'stored');
    assert.equal(
      await project.run('exec', '-T', 'db', 'sh', '-c', 'ip route | grep -c default || true'),
      '0',
    );
  });
  await checks.check('run, also of a profile', async () => {
    assert.equal(await project.run('run', '--rm', '-T', 'tool'), 'tool ran');
    assert.equal(
      await project.run('run', '--rm', '-T', '--no-deps', 'web', 'sh', '-c', 'echo $GREETING'),
      'hello',
    );
    await project.run('--profile', 'debug', 'up', '-d');
    assert.match(await project.run('ps', '-a', 'tool'), /Exited \(0\)/);
  });
  await checks.check('cp', async () => {
    await project.run('cp', join(project.folder, 'Dockerfile'), 'web:/tmp/in');
    await project.run('cp', 'web:/tmp/in', join(project.folder, 'out'));
    assert.match(await readFile(join(project.folder, 'out'), 'utf8'), /^FROM busybox/);
  });
  await checks.check('pause, unpause', async () => {
    await project.run('pause', 'web');
    assert.match(await project.run('ps', 'web'), /\(Paused\)/);
    await project.run('unpause', 'web');
  });
}

async function checkChanges(checks: Checks, project: Project): Promise<void> {
  await checks.check('up twice recreates nothing', async () => {
    const before = await project.ids();
    await project.run('up', '-d');
    assert.deepEqual(await project.ids(), before);
  });
  await checks.check('a changed service is recreated, and only that', async () => {
    const before = await project.ids();
    await project.write('changed');
    await project.run('up', '-d');
    const after = await project.ids();
    assert.equal(after['db'], before['db']);
    assert.notEqual(after['web'], before['web']);
    assert.equal(await project.run('exec', '-T', 'web', 'sh', '-c', 'echo $GREETING'), 'changed');
  });
  await checks.check('scale, up --scale', async () => {
    await project.run('up', '-d', '--scale', 'web=3');
    assert.equal((await project.run('ps', '-q', 'web')).split('\n').length, 3);
    await project.run('scale', 'web=1');
    assert.equal((await project.run('ps', '-q', 'web')).split('\n').length, 1);
  });
  await checks.check('stop, start, restart, kill', async () => {
    await project.run('stop', '-t', '0', 'web');
    await project.run('start', 'web');
    await project.run('restart', '-t', '0', '--no-deps', 'db');
    await project.run('kill', 'web');
    await project.run('up', '-d', '--wait');
  });
}

async function checkBuilds(checks: Checks, project: Project): Promise<void> {
  await checks.check('build by the classic builder; push, pull', async () => {
    await using registry = await startRegistry();
    const environment = { REGISTRY: registry.host };
    const run = (...args: string[]): Promise<string> =>
      project.docker.ok('compose', '--profile', 'builds', ...args, { cwd: project.folder, environment });
    await run('build', 'built');
    await run('push', 'built');
    await project.docker.ok('rmi', `${registry.host}/built:1`);
    await run('pull', 'built');
    assert.equal(await run('run', '--rm', '-T', 'built'), 'given');
  });
  await checks.check("build by BuildKit's protocol", async () => {
    const environment = { REGISTRY: 'buildkit', DOCKER_BUILDKIT: '1' };
    const options = { cwd: project.folder, environment };
    await project.docker.ok('compose', '--profile', 'builds', 'build', 'built', options);
    assert.equal(await project.docker.ok('run', '--rm', 'buildkit/built:1'), 'given');
  });
  await checks.check('build for several platforms', async () => {
    const environment = { REGISTRY: 'buildkit', DOCKER_BUILDKIT: '1' };
    const folder = join(project.folder, 'two');
    await mkdir(folder);
    await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\n');
    const service = 'build: { context: ., platforms: [linux/amd64, linux/arm64] }';
    await writeFile(join(folder, 'compose.yaml'), `services:\n  two: { image: "two:1", ${service} }\n`);
    await project.docker.ok('compose', 'build', { cwd: folder, environment });
    const label = ['-f', '{{.Config.Labels.arch}}', 'two:1'];
    assert.equal(await project.docker.ok('inspect', ...label), 'amd64');
    assert.equal(await project.docker.ok('image', 'inspect', '--platform', 'linux/arm64', ...label), 'arm64');
  });
}

async function checkStreams(checks: Checks, project: Project, daemon: TestDaemon): Promise<void> {
  await checks.check('events', async () => {
    project.docker.note('compose', 'events');
    const events = spawn('docker', ['compose', 'events', '--json'], {
      cwd: project.folder,
      env: { ...process.env, ...daemon.environment },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines = createInterface(events.stdout)[Symbol.asyncIterator]();
    // The listener says nothing when it is ready: what happens goes on until it has seen something.
    const seen = new AbortController();
    const acting = act(project, seen.signal);
    const { value } = await lines.next();
    seen.abort();
    await acting;
    assert.match(String(value), /"service":"web"/);
    const closed = once(events, 'close');
    events.kill('SIGINT');
    await closed;
  });
  await checks.check('attach, wait', async () => {
    await project.run('--profile', 'brief', 'up', '-d', 'brief');
    const both = ['attach --no-stdin brief', 'wait brief'].map((words) =>
      project.docker.run('compose', ...words.split(' '), { cwd: project.folder }),
    );
    const [attached, waited] = await Promise.all(both);
    assert.deepEqual([attached?.code, attached?.stdout, waited?.code], [4, 'said\n', 4]);
  });
  await checks.check('watch copies a changed file', async () => {
    project.docker.note('compose', 'watch');
    await project.run('--profile', 'watched', 'up', '-d', 'watched');
    const watching = spawn('docker', ['compose', 'watch', 'watched'], {
      cwd: project.folder,
      env: { ...process.env, ...daemon.environment, DOCKER_BUILDKIT: '0', COMPOSE_PROFILES: 'watched' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(watching, 'close');
    await new Promise<void>((resolve, reject) => {
      for (const stream of [watching.stdout, watching.stderr])
        createInterface(stream).on('line', (line) => line.includes('Watch enabled') && resolve());
      void closed.then(() => reject(new Error('docker compose watch ended')));
    });
    await writeFile(join(project.folder, 'src/file'), 'new');
    const arrived = 'until grep -q new /src/file; do usleep 50000; done';
    await project.run('exec', '-T', 'watched', 'timeout', '30', 'sh', '-c', arrived);
    watching.kill('SIGINT');
    await closed;
  });
}

async function act(project: Project, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await project.run('pause', 'web');
    await project.run('unpause', 'web');
  }
}

async function checkEnds(checks: Checks, project: Project): Promise<void> {
  await checks.check('rm', async () => {
    await project.run('rm', '--force', '--stop', 'web');
    assert.ok(!('web' in (await project.ids())));
  });
  await checks.check('down keeps volumes; down -v removes all', async () => {
    await project.run('down', '-t', '1');
    assert.equal(await project.docker.ok('volume', 'ls', '-q'), 'shop_data');
    await project.run('up', '-d');
    await project.run('--profile', '*', 'down', '-t', '1', '-v', '--remove-orphans');
    assert.equal(await project.docker.ok('volume', 'ls', '-q'), '');
    assert.equal(await project.docker.ok('ps', '-aq'), '');
    assert.equal(await project.docker.ok('network', 'ls', '-q', '--filter', 'type=custom'), '');
  });
}
