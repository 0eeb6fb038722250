import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Apt } from '#adapters/mmdebstrap/apt.ts';
import { hostMirror } from '#adapters/mmdebstrap/host-sources.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { run } from '../support/docker.ts';

const here = new URL('.', import.meta.url).pathname;
const home = process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? '/root', '.cache');
const cache = join(process.env['BERTH_CACHE'] ?? join(home, 'berth'), 'clients');

/** The folder with the npm clients' `node_modules`, as the lock file says. */
export async function npmClients(): Promise<string> {
  const lock = join(here, 'npm/package-lock.json');
  return once('npm', await sumOf(lock), async (folder) => {
    for (const name of ['package.json', 'package-lock.json'])
      await cp(join(here, 'npm', name), join(folder, name));
    await must('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: folder });
  });
}

/** A Python that has docker-py. A virtual environment knows its own path, so it is made where it stays. */
export async function pythonWithDocker(): Promise<string> {
  const requirements = join(here, 'python/requirements.txt');
  const folder = join(cache, `python-${await sumOf(requirements)}`);
  const python = join(folder, 'bin/python');
  if (existsSync(python) && (await run(python, ['-c', 'import docker'])).code === 0) return python;
  await mkdir(cache, { recursive: true });
  const made = await run('sh', ['-c', 'exec python3 -m venv --clear "$1"', 'sh', folder]);
  if (made.code !== 0) {
    await must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'python3', 'python3-venv']);
    await must('python3', ['-m', 'venv', '--clear', folder]);
  }
  await must(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  return python;
}

type Plugin = 'docker-compose' | 'docker-buildx';

/** A plugin of the docker client out of Debian trixie; the host's own packages and apt's folders are not touched. */
export async function dockerPlugin(name: Plugin): Promise<string> {
  // Such as a newer one that was built from its sources.
  const given = process.env[`BERTH_${name.replace('-', '_').toUpperCase()}`];
  if (given !== undefined) return given;
  const folder = await once(name.replace('docker-', ''), 'trixie', async (part) => {
    const archive = await debianPackage(name, { suite: 'trixie' }, part);
    await must('dpkg-deb', ['--extract', archive, join(part, 'tree')]);
    const plugin = join(part, 'tree/usr/libexec/docker/cli-plugins', name);
    await rename(plugin, join(part, name));
    for (const file of [join(part, 'tree'), archive]) await rm(file, { recursive: true });
  });
  return join(folder, name);
}

/** The client of Debian 12, which is 20.10 and has no buildx. */
export async function oldDocker(): Promise<string> {
  const folder = await once('docker', 'bookworm', async (part) => {
    const archive = await debianPackage('docker.io', { suite: 'bookworm' }, part);
    await must('dpkg-deb', ['--extract', archive, join(part, 'tree')]);
    await rename(join(part, 'tree/usr/bin/docker'), join(part, 'docker'));
    for (const file of [join(part, 'tree'), archive]) await rm(file, { recursive: true });
  });
  return join(folder, 'docker');
}

/** A folder with docker, docker-compose and docker-buildx of the versions in build-newest.sh; undefined where there is no Go. */
export async function newestClients(): Promise<string | undefined> {
  const hasGo = ['go', '/usr/local/go/bin/go'].map((go) => run('sh', ['-c', `command -v ${go}`]));
  if ((await Promise.all(hasGo)).every(({ code }) => code !== 0)) return undefined;
  const script = join(here, 'build-newest.sh');
  return once('newest', await sumOf(script), async (folder) => {
    await must('sh', [script, folder]);
  });
}

/** Makes `docker compose` or `docker buildx` work for clients that have the daemon's environment. One that is there stays. */
export async function linkPlugin(daemon: TestDaemon, name: Plugin, file?: string): Promise<void> {
  const plugins = join(daemon.environment['DOCKER_CONFIG'] ?? '', 'cli-plugins');
  await mkdir(plugins, { recursive: true });
  const link = join(plugins, name);
  if (!existsSync(link)) await symlink(file ?? (await dockerPlugin(name)), link);
}

/** A package of a suite, for this machine unless said otherwise, into a folder. Gives the path of its file. */
export async function debianPackage(
  name: string,
  from: { suite: string; architecture?: string },
  folder: string,
): Promise<string> {
  const { stdout } = await must('dpkg', ['--print-architecture']);
  const { suite, architecture = stdout.trim() } = from;
  const home = join(folder, 'apt');
  const apt = new Apt({ home, suite, architecture, mirror: hostMirror, refreshMs: 0 });
  const { signal } = new AbortController();
  await apt.refresh({ suite, architecture, onProgress: () => undefined, signal });
  const environment = { APT_CONFIG: apt.path('apt.conf') };
  await must('apt-get', ['-q', 'download', name], { cwd: folder, environment });
  await rm(home, { recursive: true });
  return join(folder, (await readdir(folder)).find((file) => file.endsWith('.deb')) ?? '');
}

/** A folder of the cache that is there whole or not at all. */
async function once(name: string, key: string, fill: (part: string) => Promise<void>): Promise<string> {
  const folder = join(cache, `${name}-${key}`);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const part = await mkdtemp(join(cache, `${name}.`));
  try {
    await fill(part);
    await rename(part, folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

async function sumOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 12);
}

async function must(...[program, args, options]: Parameters<typeof run>): ReturnType<typeof run> {
  const ended = await run(program, args, options);
  assert.equal(
    ended.code,
    0,
    `install the clients: ${program} ${args.join(' ')}: ${ended.stderr}${ended.stdout}`,
  );
  return ended;
}
